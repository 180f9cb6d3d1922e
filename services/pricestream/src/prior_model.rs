//! An ONNX model that says what to expect of a SKU's demand. It is asked when the catalogue is prepared, never while prices are made: what
//! it says is data of the catalogue line from then on.

use std::collections::BTreeMap;
use std::path::Path;

use pricestream_domain::Prior;

/// A model that can be asked.
pub(crate) struct PriorModel {
    #[cfg(feature = "onnx")]
    onnx: onnx::Onnx,
}

/// Where in a model's metadata its features stand, with commas between.
#[cfg(feature = "onnx")]
const FEATURES: &str = "pricestream.features";

impl PriorModel {
    /// Reads a model. Errors: why it cannot be used.
    #[cfg(feature = "onnx")]
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let bytes = std::fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        whatever_it_does(|| onnx::Onnx::read(&bytes)).map(|onnx| Self { onnx })
    }

    /// This build reads none.
    #[cfg(not(feature = "onnx"))]
    pub(crate) fn read(_path: &Path) -> Result<Self, String> {
        Err("this program was built without models: build it with --features onnx".to_owned())
    }

    /// What it expects of a SKU with these features. Errors: why that cannot be used.
    #[cfg(feature = "onnx")]
    pub(crate) fn ask(&self, features: &BTreeMap<String, f64>) -> Result<Prior, String> {
        whatever_it_does(|| self.onnx.ask(features))
    }

    /// This build asks none.
    #[cfg(not(feature = "onnx"))]
    #[allow(clippy::unused_self, reason = "there is none")]
    pub(crate) fn ask(&self, _features: &BTreeMap<String, f64>) -> Result<Prior, String> {
        Err("this program was built without models".to_owned())
    }
}

/// A file of any bytes may make its reader panic.
#[cfg(feature = "onnx")]
fn whatever_it_does<T>(does: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(does))
        .unwrap_or_else(|_| Err("the model is broken: reading it ended in a panic".to_owned()))
}

#[cfg(feature = "onnx")]
mod onnx {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use pricestream_documents::ContentHash;
    use pricestream_domain::Prior;
    use tract_onnx::prelude::{
        Datum, Framework, InferenceFact, InferenceModelExt, IntoRunnable, TValue, Tensor, TypedSimplePlan, tvec,
    };

    use super::FEATURES;

    pub(super) struct Onnx {
        name: String,
        features: Vec<String>,
        plan: Arc<TypedSimplePlan>,
    }

    impl Onnx {
        pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
            let broken = |what: &str, error: &dyn std::fmt::Display| format!("the model is broken: {what}: {error:#}");
            let onnx = tract_onnx::onnx();
            let proto = onnx.proto_model_for_read(&mut &*bytes).map_err(|error| broken("it is no ONNX file", &error))?;
            let named = proto.metadata_props.iter().find(|entry| entry.key == FEATURES).map(|entry| entry.value.clone());
            let named =
                named.ok_or(format!("the model does not say which features it wants: metadata {FEATURES:?} is missing"))?;
            let features: Vec<String> = named.split(',').map(|name| name.trim().to_owned()).collect();
            let plan = onnx
                .model_for_proto_model(&proto)
                .and_then(|model| model.with_input_fact(0, InferenceFact::dt_shape(f32::datum_type(), [1, features.len()])))
                .and_then(|model| model.into_optimized()?.into_runnable())
                .map_err(|error| broken(&format!("it does not take {} features", features.len()), &error))?;
            // A model of another shape says so at the first question.
            let model = Self { name: ContentHash::of(bytes).to_string(), features, plan };
            model.outputs(&BTreeMap::new()).map(|_| model)
        }

        pub(super) fn ask(&self, features: &BTreeMap<String, f64>) -> Result<Prior, String> {
            Prior::of_outputs(self.outputs(features)?, &self.name)
        }

        fn outputs(&self, features: &BTreeMap<String, f64>) -> Result<[f64; 4], String> {
            #[allow(clippy::cast_possible_truncation, reason = "models work in single precision")]
            let row: Vec<f32> = self.features.iter().map(|name| features.get(name).copied().unwrap_or(0.0) as f32).collect();
            let asked = Tensor::from_shape(&[1, row.len()], &row).map_err(|error| error.to_string())?;
            let told: Vec<TValue> =
                self.plan.run(tvec![asked.into()]).map_err(|error| format!("the model fails: {error:#}"))?.into_iter().collect();
            let shapes: Vec<&[usize]> = told.iter().map(|output| output.shape()).collect();
            let [output] = told.as_slice() else {
                return Err(format!("the model must have one output of 4 numbers, and has {shapes:?}"));
            };
            let numbers = output.to_plain_array_view::<f32>().ok();
            numbers
                .and_then(|numbers| <[f32; 4]>::try_from(numbers.as_slice()?).ok())
                .map(|numbers| numbers.map(f64::from))
                .ok_or(format!("the model must have one output of 4 numbers, and has {shapes:?}"))
        }
    }
}

#[cfg(all(test, feature = "onnx"))]
mod tests {
    use proptest::prelude::*;
    use prost::Message;
    use tract_onnx::pb::{
        GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto, TensorShapeProto, TypeProto,
        ValueInfoProto, tensor_proto, tensor_shape_proto, type_proto,
    };

    use super::*;

    fn value(name: &str, columns: i64) -> ValueInfoProto {
        use tensor_shape_proto::{Dimension, dimension::Value};
        let dim = |size| Dimension { value: Some(Value::DimValue(size)), ..Dimension::default() };
        let shape = Some(TensorShapeProto { dim: vec![dim(1), dim(columns)] });
        let tensor = type_proto::Tensor { elem_type: tensor_proto::DataType::Float as i32, shape };
        let kind = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..TypeProto::default() };
        ValueInfoProto { name: name.to_owned(), r#type: Some(kind), ..ValueInfoProto::default() }
    }

    /// Outputs are `features x weights`: a row of weights for each feature.
    fn linear(named: Option<&str>, weights: &[Vec<f32>]) -> Vec<u8> {
        let size = |length: usize| i64::try_from(length).unwrap();
        let (rows, columns) = (size(weights.len()), size(weights[0].len()));
        let weights = TensorProto {
            name: "weights".to_owned(),
            data_type: tensor_proto::DataType::Float as i32,
            dims: vec![rows, columns],
            float_data: weights.concat(),
            ..TensorProto::default()
        };
        let node = NodeProto {
            name: "all".to_owned(),
            op_type: "MatMul".to_owned(),
            input: vec!["features".to_owned(), "weights".to_owned()],
            output: vec!["prior".to_owned()],
            ..NodeProto::default()
        };
        let graph = GraphProto {
            name: "g".to_owned(),
            node: vec![node],
            initializer: vec![weights],
            input: vec![value("features", rows)],
            output: vec![value("prior", columns)],
            ..GraphProto::default()
        };
        let entry = |named: &str| StringStringEntryProto { key: FEATURES.to_owned(), value: named.to_owned() };
        let model = ModelProto {
            ir_version: 8,
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 13 }],
            graph: Some(graph),
            metadata_props: named.map(entry).into_iter().collect(),
            ..ModelProto::default()
        };
        model.encode_to_vec()
    }

    fn asked(bytes: &[u8], features: &[(&str, f64)]) -> Result<Prior, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        PriorModel::read(file.path())?.ask(&features.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect())
    }

    fn good() -> Vec<u8> {
        linear(Some("base, tag=new"), &[vec![2.0, 3.0, 1.5, 0.5], vec![4.0, 0.0, 0.0, 0.0]])
    }

    #[test]
    fn a_model_is_asked_by_the_names_of_its_features() {
        let prior = asked(&good(), &[("tag=new", 1.0), ("base", 1.0), ("unheard-of", 7.0)]).unwrap();
        let told =
            [prior.per_hour, prior.certainty, prior.sensitivity, prior.sensitivity_sd].map(|number| number.get().to_string());
        assert_eq!(told, ["6", "3", "1.5", "0.5"]);
        assert_eq!(prior.model.len(), 32, "by what is in it");
        // What a SKU has not counts as zero.
        assert_eq!(asked(&good(), &[("base", 1.0)]).unwrap().per_hour.get().to_string(), "2");
    }

    #[test]
    fn a_model_that_cannot_be_used_says_why() {
        let four = vec![1.0; 4];
        let cases = [
            (Vec::new(), "metadata"),
            (b"no model at all".to_vec(), "no ONNX file"),
            (linear(None, std::slice::from_ref(&four)), "metadata \"pricestream.features\" is missing"),
            (linear(Some("a,b,c"), &[four.clone(), four.clone()]), "does not take 3 features"),
            (linear(Some("base"), &[vec![1.0; 3]]), "one output of 4 numbers, and has [[1, 3]]"),
            (linear(Some("base"), &[vec![-1.0, 1.0, 1.0, 1.0]]), "per_hour: -1 is no finite number above 0"),
            (linear(Some("base"), &[vec![1.0, f32::NAN, 1.0, 1.0]]), "certainty: NaN"),
            (linear(Some("base"), &[vec![1.0, 1.0, 0.0, 1.0]]), "sensitivity: 0 is"),
            (linear(Some("base"), &[vec![1.0, 1.0, 1.0, 2.0]]), "sensitivity_sd: 2 is outside"),
        ];
        for (bytes, why) in cases {
            let told = asked(&bytes, &[("base", 1.0)]).unwrap_err();
            assert!(told.contains(why), "{told:?} does not say {why:?}");
        }
        let missing = PriorModel::read(Path::new("/nowhere/model.onnx")).err().unwrap();
        assert!(missing.contains("cannot be read"), "{missing}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        /// Whatever a file holds, it is a model or says why it is none.
        #[test]
        fn a_damaged_model_ends_nothing(place in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
            let mut bytes = good();
            let place = place.index(bytes.len());
            if cut { bytes.truncate(place) } else { bytes[place] ^= byte }
            let _either = asked(&bytes, &[("base", 1.0)]);
        }
    }
}
