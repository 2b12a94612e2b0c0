//! The binary extension: its messages are delivered unchanged.

use serde_json::json;

use crate::scenario::Scenario;

#[test]
fn z85_data_and_its_binary_ext_arrive_as_they_were_sent() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/binary");
    // As cometd.js' BinaryExtension sends 0x864FD26FB559F75B.
    let (data, ext) = (r#"{"data":"HelloWorld","last":true,"meta":{"type":"x"}}"#, r#"{"binary":{}}"#);
    let id = alice.id();
    let message = format!(r#"[{{"id":"7","clientId":"{id}","channel":"/binary","data":{data},"ext":{ext}}}]"#);
    assert_eq!(alice.post_text(&message).answer().reply()["successful"], true);
    let answer = bob.connect().answer();
    assert!(answer.text.starts_with(&format!(r#"[{{"channel":"/binary","data":{data},"ext":{ext}}},"#)));
}

#[test]
fn every_character_of_z85_arrives_on_sockets_too() {
    let scenario = Scenario::new();
    let [(alice, _), (bob, socket)] = scenario.join_on_sockets(["alice", "bob"]);
    bob.subscribe("/binary");
    bob.hold();
    socket.frames();
    let z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    let data = json!({"data": z85, "last": true});
    alice.send(json!({"channel": "/binary", "data": data, "ext": {"binary": {}}}));
    assert_eq!(socket.frames(), [[json!({"channel": "/binary", "data": data, "ext": {"binary": {}}})]]);
}
