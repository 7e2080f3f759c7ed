//! The routes of a doorway as one table, and the OpenAPI document made from it.
//!
//! The document is committed as `docs/openapi.json`; a test compares it, and another asks a running doorway for each route.

mod members;
mod storage;

use base::Code;
use serde_json::{Map, Value, json};

use crate::registry;

pub use storage::STORAGE_ROUTES;

use members::MEMBER_ROUTES;

/// What a body holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// Nothing.
    Empty,
    /// The JSON of this wire type.
    View(&'static str),
    /// Bytes of any media type.
    Bytes,
    /// A page for people.
    Html,
    /// JSON that is no view: the OpenAPI document.
    Json,
    /// Server-sent events whose data are these views.
    Events(&'static [&'static str]),
}

/// A parameter in the query.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it is for, with its bounds.
    pub about: &'static str,
}

/// One route with one method.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The method in upper case.
    pub method: &'static str,
    /// The path, with parameters in braces.
    pub path: &'static str,
    /// Unique name of the operation.
    pub id: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// Parameters in the query.
    pub query: &'static [Parameter],
    /// What is sent.
    pub request: Body,
    /// What comes back when all is well.
    pub response: Body,
    /// The status when all is well.
    pub status: u16,
    /// The faults that belong to this route.
    pub codes: &'static [Code],
    /// Whether a token is needed.
    pub needs_token: bool,
}

const fn get(path: &'static str, id: &'static str, about: &'static str, response: Body) -> Route {
    Route {
        method: "GET",
        path,
        id,
        about,
        query: &[],
        request: Body::Empty,
        response,
        status: 200,
        codes: &[],
        needs_token: false,
    }
}

const fn send(
    method: &'static str,
    path: &'static str,
    id: &'static str,
    about: &'static str,
    bodies: (Body, Body),
) -> Route {
    Route {
        method,
        request: bodies.0,
        ..get(path, id, about, bodies.1)
    }
}

const CURSOR: Parameter = Parameter {
    name: "cursor",
    about: "the `next` of the page before",
};
const LIMIT: Parameter = Parameter {
    name: "limit",
    about: "how many at most: 1 to 1000, 100 by default",
};

/// Returns all routes of a doorway.
pub fn doorway_routes() -> impl Iterator<Item = &'static Route> {
    READ_ROUTES.iter().chain(MEMBER_ROUTES)
}

/// The routes of a doorway but those around keys, tokens and members.
const READ_ROUTES: &[Route] = &[
    get(
        "/health",
        "health",
        "Tells whether the process is alive.",
        Body::View("HealthView"),
    ),
    get(
        "/ready",
        "ready",
        "Tells whether the process should get visitors; 503 when not.",
        Body::View("ReadyView"),
    ),
    get(
        "/version",
        "version",
        "Tells which program this is and for which community it runs.",
        Body::View("VersionView"),
    ),
    get(
        "/openapi.json",
        "openapi",
        "Returns this document.",
        Body::Json,
    ),
    get(
        "/db/schema",
        "dbSchema",
        "Returns the schema of the projection.",
        Body::View("DbSchemaView"),
    ),
    Route {
        query: &[
            CURSOR,
            LIMIT,
            Parameter {
                name: "author",
                about: "only items of this agent",
            },
            Parameter {
                name: "course",
                about: "only pages of the course with this slug",
            },
        ],
        codes: &[Code::MalformedCursor, Code::MalformedQuery, Code::NotFound],
        ..get(
            "/api/v1/cache/{type}",
            "listItems",
            "Lists the items of one kind that the reader may see, newest first.",
            Body::View("ListView"),
        )
    },
    Route {
        query: &[
            Parameter {
                name: "proof",
                about: "1 adds the signed records",
            },
            Parameter {
                name: "seq",
                about: "an older version, by its sequence number in the author's chain",
            },
        ],
        codes: &[Code::NotFound, Code::MalformedQuery],
        ..get(
            "/api/v1/cache/{type}/{id}",
            "readItem",
            "Returns one item by its id, or by its slug: `page`, or `course/page` with the slash as %2F.",
            Body::View("ItemView"),
        )
    },
    Route {
        query: &[
            Parameter {
                name: "q",
                about: "words to look for, 1 to 200 characters",
            },
            CURSOR,
            LIMIT,
        ],
        codes: &[Code::MalformedQuery, Code::MalformedCursor],
        ..get(
            "/api/v1/search",
            "search",
            "Finds pages and courses by their words, best first.",
            Body::View("SearchView"),
        )
    },
    Route {
        query: &[
            Parameter {
                name: "after",
                about: "start behind this sequence number; from the first record without it",
            },
            LIMIT,
        ],
        codes: &[Code::MalformedHash, Code::MalformedQuery, Code::NotFound],
        ..get(
            "/api/v1/chains/{agent}",
            "readChain",
            "Returns a page of a chain: every action, and the entries of what the reader may see.",
            Body::View("ChainView"),
        )
    },
    Route {
        query: &[Parameter {
            name: "after",
            about: "a cursor, for readers that cannot send the header Last-Event-ID",
        }],
        codes: &[Code::MalformedCursor, Code::Overloaded],
        ..get(
            "/api/v1/events",
            "readEvents",
            "Streams what becomes known: events `chain`, `live`, `outdated` and `closed`, each with a cursor as its id.",
            Body::Events(&["EventView", "LiveView", "OutdatedView", "ClosedView"]),
        )
    },
    Route {
        codes: &[
            Code::NotAMember,
            Code::BadSignature,
            Code::ChainGap,
            Code::ChainFork,
            Code::ForeignAuthor,
            Code::WrongDna,
            Code::MalformedRecord,
            Code::EntryMismatch,
            Code::BadGenesis,
            Code::TimestampOrder,
            Code::ChainClosed,
            Code::UnsupportedSchema,
            Code::MalformedBody,
            Code::BodyTooLarge,
            Code::DiskFull,
        ],
        ..send(
            "PUT",
            "/api/v1/chains/{agent}",
            "appendChain",
            "Appends signed records of a member; they prove themselves, so no token is needed.",
            (Body::View("ChainPut"), Body::View("ChainPutView")),
        )
    },
    Route {
        status: 201,
        needs_token: true,
        codes: &[
            Code::TokenMissing,
            Code::TokenInvalid,
            Code::TokenExpired,
            Code::NotAMember,
            Code::DigestMismatch,
            Code::BodyLength,
            Code::BodyTooLarge,
            Code::DiskFull,
        ],
        ..send(
            "PUT",
            "/store",
            "storeBlob",
            "Stores a blob; the answer comes when it is on stable storage. Content-Digest is checked when it is sent.",
            (Body::Bytes, Body::View("StoredBlobView")),
        )
    },
    Route {
        codes: &[
            Code::MalformedHash,
            Code::NotFound,
            Code::MalformedRange,
            Code::UnsatisfiableRange,
            Code::BlobCorrupt,
        ],
        ..get(
            "/store/{hash}",
            "readBlob",
            "Returns a blob, whole or in ranges (RFC 9110 §14).",
            Body::Bytes,
        )
    },
    Route {
        method: "HEAD",
        codes: &[Code::MalformedHash, Code::NotFound, Code::BlobCorrupt],
        ..get(
            "/store/{hash}",
            "headBlob",
            "Returns the headers of a blob.",
            Body::Empty,
        )
    },
    get("/", "homePage", "The community's home page.", Body::Html),
    get(
        "/courses/{course}",
        "coursePage",
        "A course with its contents.",
        Body::Html,
    ),
    get(
        "/courses/{course}/{page}",
        "coursePagePage",
        "A page of a course.",
        Body::Html,
    ),
    get(
        "/pages/{page}",
        "page",
        "A page that stands alone.",
        Body::Html,
    ),
    get(
        "/authors/{agent}",
        "authorPage",
        "An author with what they wrote.",
        Body::Html,
    ),
    get(
        "/items/{id}",
        "itemPage",
        "Leads from an item's id to its page.",
        Body::Html,
    ),
    get(
        "/proofs/{id}",
        "proofPage",
        "Who signed an item, and how to check it.",
        Body::Html,
    ),
    get(
        "/history/{id}",
        "historyPage",
        "All versions of an item.",
        Body::Html,
    ),
    get(
        "/history/{id}/{seq}",
        "versionPage",
        "An older version of a page.",
        Body::Html,
    ),
    Route {
        query: &[
            Parameter {
                name: "q",
                about: "words to look for",
            },
            CURSOR,
        ],
        ..get("/search", "searchPage", "Search for people.", Body::Html)
    },
    get(
        "/errors/{code}",
        "errorPage",
        "What a fault means and what to do.",
        Body::Html,
    ),
];

/// Makes the OpenAPI 3.1 document.
#[must_use]
pub fn document(version: &str) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in doorway_routes().chain(STORAGE_ROUTES) {
        let item = paths
            .entry(route.path.to_owned())
            .or_insert_with(|| json!({}));
        item[route.method.to_ascii_lowercase()] = operation(route);
    }
    let schemas: Map<String, Value> = registry::entries()
        .into_iter()
        .map(|entry| {
            let schema = serde_json::to_value(&entry.schema).expect("a schema is JSON");
            (entry.name, schema)
        })
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Commonhold doorway",
            "version": version,
            "description": "What a doorway serves is signed by its author; ask for ?proof=1 and check it.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
            },
        },
    })
}

fn operation(route: &Route) -> Value {
    let mut parameters: Vec<Value> = path_parameters(route.path)
        .map(|name| {
            json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
        })
        .collect();
    parameters.extend(route.query.iter().map(|parameter| {
        json!({
            "name": parameter.name,
            "in": "query",
            "required": false,
            "description": parameter.about,
            "schema": { "type": "string" },
        })
    }));
    let mut operation = json!({
        "operationId": route.id,
        "summary": route.about,
        "parameters": parameters,
        "responses": responses(route),
    });
    if let Some(content) = content(route.request) {
        operation["requestBody"] = json!({ "required": true, "content": content });
    }
    if route.needs_token {
        operation["security"] = json!([{ "token": [] }]);
    }
    operation
}

fn responses(route: &Route) -> Value {
    let mut responses: Map<String, Value> = Map::new();
    let mut well = json!({ "description": "All is well." });
    if let Some(content) = content(route.response) {
        well["content"] = content;
    }
    responses.insert(route.status.to_string(), well);
    for code in route.codes {
        let entry = responses
            .entry(code.status().to_string())
            .or_insert_with(|| {
                json!({
                    "description": "",
                    "content": {
                        "application/problem+json": {
                            "schema": { "$ref": "#/components/schemas/ProblemView" },
                        },
                    },
                })
            });
        let before = entry["description"].as_str().unwrap_or_default();
        let line = format!("{code}: {}.", code.title());
        entry["description"] = json!(if before.is_empty() {
            line
        } else {
            format!("{before} {line}")
        });
    }
    Value::Object(responses)
}

fn content(body: Body) -> Option<Value> {
    match body {
        Body::Empty => None,
        Body::View(name) => {
            let schema = json!({ "$ref": format!("#/components/schemas/{name}") });
            Some(json!({ "application/json": { "schema": schema } }))
        }
        Body::Bytes => {
            Some(json!({ "*/*": { "schema": { "type": "string", "format": "binary" } } }))
        }
        Body::Html => Some(json!({ "text/html": { "schema": { "type": "string" } } })),
        Body::Events(names) => {
            let one_of: Vec<Value> = names
                .iter()
                .map(|name| json!({ "$ref": format!("#/components/schemas/{name}") }))
                .collect();
            Some(json!({ "text/event-stream": { "schema": { "oneOf": one_of } } }))
        }
        Body::Json => Some(json!({ "application/json": { "schema": { "type": "object" } } })),
    }
}

fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}
