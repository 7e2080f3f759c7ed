//! No view lacks its schema version, and no reference leads nowhere.

use serde_json::Value;

use super::*;

fn schema(entry: &Entry) -> Value {
    serde_json::to_value(&entry.schema).expect("a schema is JSON")
}

#[test]
fn every_view_carries_a_schema_version() {
    for entry in entries() {
        let has_version = schema(&entry)["properties"]["schema_version"].is_object();
        let wants_version = entry.role == Role::View;
        assert_eq!(has_version, wants_version, "{}", entry.name);
    }
}

#[test]
fn every_reference_of_the_document_leads_to_a_listed_type() {
    let document = crate::openapi::document("0").to_string();
    let names: Vec<String> = entries().into_iter().map(|entry| entry.name).collect();
    let references: Vec<&str> = document
        .split("#/components/schemas/")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap_or_default())
        .collect();
    assert!(references.len() > 20);
    for reference in references {
        assert!(names.iter().any(|name| name == reference), "{reference}");
    }
}

#[test]
fn every_view_is_used_by_a_route_or_named_by_another() {
    let document = crate::openapi::document("0").to_string();
    for entry in entries() {
        let reference = format!("#/components/schemas/{}\"", entry.name);
        assert!(
            document.contains(&reference)
                || ["Summary", "StorageHealthView"].contains(&entry.name.as_str()),
            "{} is in no route",
            entry.name
        );
    }
}

#[test]
fn the_typescript_module_declares_every_type_once() {
    let module = typescript();
    for entry in entries() {
        let declaration = format!("export type {} ", entry.name);
        assert_eq!(module.matches(&declaration).count(), 1, "{}", entry.name);
    }
    assert!(!module.contains("bigint"));
}

#[test]
fn operations_have_unique_names() {
    let mut ids: Vec<&str> = crate::openapi::doorway_routes()
        .chain(crate::openapi::STORAGE_ROUTES)
        .map(|route| route.id)
        .collect();
    ids.sort_unstable();
    assert!(ids.windows(2).all(|pair| pair[0] != pair[1]));
}
