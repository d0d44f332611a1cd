//! The vectors of values and conflicts: what writes to one entity mean, in every order in which they may come.

use serde_json::{Value, json};
use trellis_core::merge::entity::EntityRef;
use trellis_core::op::id::Author;
use trellis_tests::entities::{ENTITY, entity_json, manifest, merged, name_bytes, writes};
use trellis_tests::vectors;

#[test]
fn values() {
    vectors::run("values.json", |case| {
        let mut writes = writes(&case["writes"]);
        let manifest = manifest(&case["manifest"]);
        let owner = case["owner"].as_str().map(|name| Author(name_bytes(name)));
        let entity = EntityRef { owner, collection: case["collection"].as_str().unwrap_or("notes"), ..ENTITY };
        let forwards = entity_json(&merged(&writes, &entity, &manifest));
        same(&forwards, &case["expect"])?;
        writes.reverse();
        same(&entity_json(&merged(&writes, &entity, &manifest)), &forwards)
    });
}

fn same(found: &Value, expected: &Value) -> Result<(), String> {
    if numbers(found) == numbers(expected) {
        Ok(())
    } else {
        Err(format!("\n  found    {found}\n  expected {expected}"))
    }
}

/// 2.0 and 2 are one number.
fn numbers(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(numbers).collect(),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), numbers(value))).collect(),
        other => other.clone(),
    }
}
