use std::collections::BTreeMap;

use axum::http::Method;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::problem::{Code, ProblemDocument};

/// The OpenAPI 3.1 document, made of the routes and of the types that they read and write.
pub(crate) struct Document {
    generator: SchemaGenerator,
    paths: BTreeMap<&'static str, Map<String, Value>>,
}

type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// What a route does, what it reads and what it answers.
pub(crate) struct Operation {
    tag: &'static str,
    summary: &'static str,
    query: Option<SchemaOf>,
    header: Option<(&'static str, &'static str)>,
    bodies: Vec<(&'static str, Option<SchemaOf>)>,
    answers: Vec<(u16, &'static str, &'static str, Option<SchemaOf>)>,
    problems: Vec<Code>,
}

impl Operation {
    pub(crate) fn new(tag: &'static str, summary: &'static str) -> Self {
        Self { tag, summary, query: None, header: None, bodies: Vec::new(), answers: Vec::new(), problems: Vec::new() }
    }

    /// Reads its parameters from the query, as the fields of `T`.
    pub(crate) fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(SchemaGenerator::root_schema_for::<T>);
        self.fails(&[Code::BadQuery])
    }

    /// Reads a header, of this name and meaning, if it is there.
    pub(crate) fn header(mut self, header: (&'static str, &'static str)) -> Self {
        self.header = Some(header);
        self
    }

    /// Reads a body of JSON.
    pub(crate) fn reads<T: JsonSchema>(self) -> Self {
        self.reads_type::<T>("application/json").fails(&[Code::BadBody])
    }

    /// Reads lines of JSON as well.
    pub(crate) fn reads_lines<T: JsonSchema>(self) -> Self {
        self.reads_type::<OneOrMany<T>>("application/json").reads_type::<T>("application/x-ndjson")
    }

    fn reads_type<T: JsonSchema>(mut self, media_type: &'static str) -> Self {
        self.bodies.push((media_type, Some(SchemaGenerator::subschema_for::<T>)));
        self.fails(&[Code::TooLarge, Code::BadMediaType])
    }

    /// Answers JSON.
    pub(crate) fn answers<T: JsonSchema>(mut self, status: u16, what: &'static str) -> Self {
        self.answers.push((status, what, "application/json", Some(SchemaGenerator::subschema_for::<T>)));
        self
    }

    /// Answers what has no schema; an empty media type says that there is no body.
    pub(crate) fn answers_any(mut self, status: u16, what: &'static str, media_type: &'static str) -> Self {
        self.answers.push((status, what, media_type, None));
        self
    }

    /// May fail in these ways.
    pub(crate) fn fails(mut self, codes: &[Code]) -> Self {
        self.problems.extend(codes.iter().filter(|code| !self.problems.contains(code)).copied().collect::<Vec<_>>());
        self
    }
}

/// A value, or an array of them.
struct OneOrMany<T>(std::marker::PhantomData<T>);

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("OneOrMany{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        schemars::json_schema!({ "anyOf": [one, { "type": "array", "items": one }] })
    }
}

impl Document {
    pub(crate) fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        Self { generator: settings.into_generator(), paths: BTreeMap::new() }
    }

    pub(crate) fn describe(&mut self, method: &Method, path: &'static str, admin: bool, operation: Operation) {
        let Operation { tag, summary, query, header, bodies, answers, mut problems } = operation;
        let mut parameters = Vec::new();
        for name in path.split(['{', '}']).skip(1).step_by(2) {
            let schema = match name {
                "sku" => {
                    problems.push(Code::BadSku);
                    self.generator.subschema_for::<pricestream_domain::Sku>()
                }
                "order_id" | "quote_id" => json_schema!({ "type": "string", "minLength": 1, "maxLength": 64 }),
                _ => self.generator.subschema_for::<u64>(),
            };
            parameters.push(json!({ "name": name, "in": "path", "required": true, "schema": schema }));
        }
        if let Some(schema) = query {
            parameters.extend(query_parameters(&schema(&mut self.generator).to_value()));
        }
        if let Some((name, description)) = header {
            parameters.push(json!({
                "name": name, "in": "header", "required": false, "description": description, "schema": { "type": "string" },
            }));
        }
        if admin {
            problems.extend([Code::Unauthorized, Code::NoToken]);
        }
        let mut responses = BTreeMap::new();
        for (status, description, media_type, schema) in answers {
            let mut response = json!({ "description": description });
            if !media_type.is_empty() {
                response["content"][media_type] =
                    schema.map_or_else(|| json!({}), |schema| json!({ "schema": schema(&mut self.generator) }));
            }
            responses.insert(status.to_string(), response);
        }
        for (status, response) in self.problem_responses(&problems) {
            responses.entry(status).or_insert(response);
        }
        let mut entry =
            json!({ "tags": [tag], "summary": summary, "operationId": operation_id(method, path), "responses": responses });
        if !parameters.is_empty() {
            entry["parameters"] = parameters.into();
        }
        for (media_type, schema) in bodies {
            entry["requestBody"]["required"] = true.into();
            entry["requestBody"]["content"][media_type] =
                schema.map_or_else(|| json!({}), |schema| json!({ "schema": schema(&mut self.generator) }));
        }
        if admin {
            entry["security"] = json!([{ "token": [] }]);
        }
        let before = self.paths.entry(path).or_default().insert(method.as_str().to_lowercase(), entry);
        assert!(before.is_none(), "{method} {path} is there twice");
    }

    /// One response a status, which lists the kinds of problem that come with it.
    fn problem_responses(&mut self, problems: &[Code]) -> BTreeMap<String, Value> {
        let mut by_status = BTreeMap::<u16, Vec<&str>>::new();
        for code in problems {
            by_status.entry(code.status().as_u16()).or_default().push(code.uri());
        }
        let schema = self.generator.subschema_for::<ProblemDocument<'_>>();
        let response = |(status, mut types): (u16, Vec<&str>)| {
            types.sort_unstable();
            types.dedup();
            let narrowed = json!({ "allOf": [schema, { "properties": { "type": { "enum": types } } }] });
            let response = json!({
                "description": types.join(", "),
                "content": { "application/problem+json": { "schema": narrowed } },
            });
            (status.to_string(), response)
        };
        by_status.into_iter().map(response).collect()
    }

    pub(crate) fn finish(mut self) -> Value {
        let schemas = self.generator.take_definitions(true);
        json!({
            "openapi": "3.1.0",
            "info": {
                "title": "pricestream",
                "version": env!("CARGO_PKG_VERSION"),
                "description": "Real-time prices for flash-sale shops. Errors are problem details (RFC 9457).",
                "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            },
            "paths": self.paths,
            "components": {
                "schemas": schemas,
                "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            },
        })
    }
}

fn query_parameters(schema: &Value) -> Vec<Value> {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .map(|(name, property)| {
            let mut parameter = json!({ "name": name, "in": "query", "required": required.contains(&name.as_str()) });
            let mut property = property.clone();
            if let Some(description) = property.as_object_mut().and_then(|property| property.remove("description")) {
                parameter["description"] = description;
            }
            parameter["schema"] = property;
            parameter
        })
        .collect()
}

/// `get-v1-prices-sku-history`.
fn operation_id(method: &Method, path: &str) -> String {
    let words = path.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    std::iter::once(method.as_str().to_lowercase()).chain(words.map(str::to_owned)).collect::<Vec<_>>().join("-")
}
