use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::stock_change::StockChange;
use crate::{Event, MAX_TRACE_STATE};

/// JSON Schema (draft 2020-12) of an event's `detail`: what `PutEvents` takes, `dataschema` names and readers rely on.
/// The EventBridge fields around it are AWS's to describe.
pub fn detail_schema<E: Event>() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let data = generator.subschema_for::<E>();
    let subject = generator.subschema_for::<pricestream_domain::Sku>();
    let definitions = generator.take_definitions(true);
    schema_document(
        E::DETAIL_TYPE,
        &definitions,
        &json!({
            "description": format!("`detail` of {}: CloudEvents 1.0 in JSON. Readers ignore unknown fields.", E::DETAIL_TYPE),
            "type": "object",
            "required": ["specversion", "id", "source", "type", "subject", "sequence", "dataschema", "traceparent", "data"],
            "properties": {
                "specversion": { "const": "1.0" },
                "id": { "type": "string", "minLength": 1, "description": "Same source and id: the same event" },
                "source": { "const": E::SOURCE },
                "type": { "const": E::DETAIL_TYPE },
                "subject": subject,
                "sequence": { "type": "string", "pattern": "^[0-9]{20}$", "description": "Orders the events of a subject, as text" },
                "time": { "type": "string", "format": "date-time", "description": "When it happened" },
                "dataschema": { "type": "string", "format": "uri" },
                "traceparent": {
                    "type": "string",
                    "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
                    "description": "W3C Trace Context",
                },
                "tracestate": { "type": "string", "maxLength": MAX_TRACE_STATE, "description": "W3C Trace Context" },
                "data": data,
            },
        }),
    )
}

/// JSON Schema (draft 2020-12) of one stock change, as a shop posts it.
pub fn stock_change_schema() -> Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<StockChange>().to_value()
}

fn schema_document(name: &str, definitions: &Map<String, Value>, body: &Value) -> Value {
    let mut document = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("urn:pricestream:schema:{name}"),
        "title": name,
    });
    let entries = document.as_object_mut().expect("written as an object above");
    entries.extend(body.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
    entries.insert("$defs".to_owned(), definitions.clone().into());
    document
}
