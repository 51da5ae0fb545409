//! Types of resource that a directory of documents adds.

use super::*;

const DEVICE: &str = "urn:example:params:scim:schemas:custom:2.0:Device";
const BADGE: &str = "urn:example:params:scim:schemas:extension:badge:2.0:User";

/// A server that knows devices, and badges of users.
fn start() -> (tempfile::TempDir, Target) {
    let directory = tempfile::tempdir().unwrap();
    for (name, document) in [
        (
            "device.json",
            json!({"id": DEVICE, "name": "Device", "attributes": [
                {"name": "serial", "required": true, "caseExact": true, "uniqueness": "server", "mutability": "immutable"},
                {"name": "label", "returned": "always"},
                {"name": "slots", "type": "integer"},
                {"name": "history", "returned": "request"},
                {"name": "unlock", "mutability": "writeOnly", "returned": "never"},
                {"name": "state", "mutability": "readOnly"},
                {"name": "ports", "type": "complex", "multiValued": true, "subAttributes": [
                    {"name": "value"}, {"name": "type"}, {"name": "primary", "type": "boolean"}]},
            ]}),
        ),
        ("devices.json", json!({"name": "Device", "endpoint": "/Devices", "schema": DEVICE})),
        (
            "badge.json",
            json!({"id": BADGE, "name": "Badge", "attributes": [
                {"name": "number", "type": "integer", "uniqueness": "global"}, {"name": "colour"}]}),
        ),
        (
            "user.json",
            json!({"name": "User", "endpoint": "/Users", "schema": urn::USER,
                "schemaExtensions": [{"schema": urn::ENTERPRISE_USER, "required": false}, {"schema": BADGE, "required": false}]}),
        ),
    ] {
        std::fs::write(directory.path().join(name), document.to_string()).unwrap();
    }
    let target = Target::with(|settings| settings.schemas = Some(directory.path().to_owned()));
    (directory, target)
}

fn device(serial: &str) -> Value {
    json!({"schemas": [DEVICE], "serial": serial, "label": "L", "slots": 4, "history": "h", "unlock": "1234", "state": "no",
        "ports": [{"value": "a", "type": "usb"}, {"value": "b", "type": "net", "primary": true}]})
}

#[actix_web::test]
async fn a_type_from_a_file_is_a_type_like_any_other() {
    let (_directory, target) = start();
    let created = target.call("POST", "/Devices", device("S1")).await;
    assert_eq!(created.status, 201, "{}", created.body);
    assert_eq!(created.body["meta"]["resourceType"], "Device");
    assert_eq!(created.body["history"], "h");
    for hidden in ["unlock", "state"] {
        assert!(created.body.get(hidden).is_none());
    }
    let path = ["/Devices/", created.body["id"].as_str().unwrap()].concat();
    assert_eq!(created.headers["location"], [&target.running.base_url(), path.as_str()].concat());
    let read = target.get(&path).await.body;
    assert!(read.get("history").is_none() && read["slots"] == 4);
    assert_eq!(target.get(&[&path, "?attributes=history"].concat()).await.body["history"], "h");
    let bare = target.get(&[&path, "?excludedAttributes=label,slots"].concat()).await.body;
    assert!(bare["label"] == "L" && bare.get("slots").is_none());

    for (body, status, scim_type) in [
        (device("S1"), 409, "uniqueness"),
        (json!({"schemas": [DEVICE]}), 400, "invalidValue"),
        (json!({"schemas": [urn::USER], "serial": "x"}), 400, "invalidValue"),
        (json!({"schemas": [DEVICE], "serial": "x", "slots": 1.5}), 400, "invalidValue"),
    ] {
        let refused = target.call("POST", "/Devices", body).await;
        assert_eq!((refused.status.as_u16(), refused.body["scimType"].as_str()), (status, Some(scim_type)));
    }
    // Case matters in this one.
    assert_eq!(target.call("POST", "/Devices", device("s1")).await.status, 201);
    let moved = target.call("PUT", &path, device("S9")).await;
    assert_eq!((moved.status.as_u16(), moved.body["scimType"].as_str()), (400, Some("mutability")));
    let patched = target.patch(&path, json!([{"op": "replace", "path": "slots", "value": 8}])).await;
    assert_eq!((patched.status.as_u16(), &patched.body["slots"]), (200, &json!(8)));
    assert!(patched.body.get("history").is_none());
    let patched = target.patch(&path, json!([{"op": "replace", "path": "history", "value": "i"}])).await;
    assert_eq!(patched.body["history"], "i");

    for (filter, found) in [
        ("serial eq \"S1\"", 1),
        ("serial eq \"X\"", 0),
        ("slots gt 4", 1),
        ("slots ge 4", 2),
        ("label eq \"l\" and slots lt 8", 1),
        ("ports[type eq \"net\"].value eq \"b\"", 2),
        ("userName pr", 0),
    ] {
        let list = target.get(&["/Devices?filter=", filter].concat()).await.body;
        assert_eq!(list["totalResults"], found, "{filter}");
    }
    assert_eq!(target.call("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(target.call("POST", "/Devices", device("S1")).await.status, 201);
}

#[actix_web::test]
async fn a_type_from_a_file_is_published_and_can_be_a_member() {
    let (_directory, target) = start();
    let types = target.get("/ResourceTypes").await.body;
    assert_eq!(types["totalResults"], 3);
    assert_eq!(target.get("/ResourceTypes/Device").await.body["endpoint"], "/Devices");
    assert_eq!(target.get(&["/Schemas/", DEVICE].concat()).await.body["attributes"][0]["mutability"], "immutable");
    let user = target.get("/ResourceTypes/User").await.body;
    assert_eq!(user["schemaExtensions"][1], json!({"schema": BADGE, "required": false}));

    let created = target.call("POST", "/Devices", device("S1")).await;
    let id = created.body["id"].as_str().unwrap();
    let group = target.group("G", &[id]).await;
    let shown = target.get(&["/Groups/", &group].concat()).await.body;
    assert_eq!(shown["members"][0]["type"], "Device");
    assert_eq!(shown["members"][0]["$ref"], created.body["meta"]["location"]);
}

#[actix_web::test]
async fn an_extension_from_a_file_is_stored_looked_up_and_unique() {
    let (_directory, target) = start();
    let user = |name: &str, number: u32| json!({"schemas": [urn::USER, BADGE], "userName": name, BADGE: {"number": number, "colour": "Red"}});
    let created = target.call("POST", "/Users", user("ada", 7)).await;
    assert_eq!(created.status, 201, "{}", created.body);
    assert_eq!(created.body[BADGE]["number"], 7);
    assert_eq!(target.call("POST", "/Users", user("bob", 7)).await.status, 409);
    assert_eq!(target.call("POST", "/Users", user("bob", 8)).await.status, 201);
    for (filter, found) in [("number eq 7", 1), ("number ge 7", 2), ("colour eq \"RED\"", 2), ("colour sw \"b\"", 0)] {
        let list = target.get(&["/Users?filter=", BADGE, ":", filter].concat()).await.body;
        assert_eq!(list["totalResults"], found, "{filter}");
    }
    let sorted = target.get(&["/Users?sortOrder=descending&sortBy=", BADGE, ":number"].concat()).await.body;
    assert_eq!(sorted["Resources"][0]["userName"], "bob");
}

#[actix_web::test]
async fn users_are_loaded_before_the_server_listens() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("users.jsonl");
    let lines = [
        json!({"userName": "ada", "password": "secret", "emails": [{"value": "a@x"}]}).to_string(),
        String::new(),
        json!({"schemas": [urn::USER], "userName": "bob"}).to_string(),
    ];
    std::fs::write(&file, lines.join("\n")).unwrap();
    for database in [None, Some(directory.path().join("target.sqlite"))] {
        let target = Target::with(|settings| {
            settings.load = Some(file.clone());
            settings.database = database;
        });
        let list = target.get("/Users?filter=emails%20eq%20%22A@x%22").await.body;
        assert_eq!((&list["totalResults"], &list["Resources"][0]["userName"]), (&json!(1), &json!("ada")));
        assert_eq!(target.get("/Users").await.body["totalResults"], 2);
    }
    for (lines, message) in [
        ("{\"userName\": \"ada\"}\n{", "line 2"),
        ("{\"userName\": \"ada\"}\n{\"userName\": \"ADA\"}", "line 2"),
        ("{\"displayName\": \"x\"}", "line 1"),
    ] {
        std::fs::write(&file, lines).unwrap();
        let settings =
            Settings { load: Some(file.clone()), ..Settings::new("127.0.0.1:0".parse().unwrap(), Secret::new(TOKEN)) };
        let refused = Server::start(settings).err().map(|error| error.to_string());
        assert!(refused.as_deref().is_some_and(|text| text.contains(message)), "{refused:?}");
    }
}
