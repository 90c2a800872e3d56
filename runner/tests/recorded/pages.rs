//! `report.html` of what a run on kind saw, made by the program from a report that has none of what judges found beside
//! their verdicts: they find it again in the evidence.

use lab_base::exec::{Exit, Invocation};
use lab_model::Routing;
use serde_json::{Value, json};
use std::time::Duration;

use super::Read;
use super::runs::{KindRun, Written};

const DEADLINE: Duration = Duration::from_mins(1);
const OUTSIDE: &str = "wire::masqueraded_outside_the_native_cidr";
/// The first pod that asks the outside, its node, and the addresses of both.
const POD: (&str, &str) = ("hello-app-5cf748b4d8-fgtbw", "10.0.2.4");
const NODE: (&str, &str) = ("kind-worker2", "172.18.0.4");

/// The page, where the frames of requests to the outside on the node's link are altered so.
fn page(alter: fn(&mut Vec<Value>)) -> Read<String> {
    let run = KindRun::read()?;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut written = Written::begin(folder.path(), "page".into(), "kind-run", Routing::Native, &run.expectations)?;
    for look in run.looks {
        for name in &look.cases {
            let mut seen = look.seen.clone();
            if name.starts_with("wire::") {
                let captures = seen["traffic"]["captures"].as_array_mut().ok_or("no captures")?;
                let capture = captures.iter_mut().find(|capture| capture["place"] == json!({"node": NODE.0}));
                alter(capture.and_then(|capture| capture["frames"].as_array_mut()).ok_or("no capture on the node")?);
            }
            let judgement = written.judge(name, &seen)?;
            written.case(name, &seen, judgement, &[])?;
        }
    }
    let path = written.end()?;
    let show = Invocation::new(env!("CARGO_BIN_EXE_lab")).args(["report", "--format", "html"]).args([path]);
    let runtime = lab_base::runtime().map_err(|error| error.to_string())?;
    let finished = runtime.block_on(show.run(DEADLINE)).map_err(|error| error.to_string())?;
    if finished.exit != Exit::Code(0) {
        return Err(finished.stderr_text());
    }
    Ok(finished.stdout_text())
}

/// The part of the page about the request of this pod to the outside.
fn of_request(page: &str) -> &str {
    let title = format!("{} asks the outside</summary>", POD.0);
    let at = page.find(&title).expect("the request is on the page");
    let begin = page[..at].rfind("<details").expect("its section");
    // Its table is folded in, and ends where it does.
    let end = page[at..].find("</details>\n</details>").expect("its end");
    &page[begin..at + end]
}

fn is_of_request(frame: &Value) -> bool {
    let ends = [&frame["ip"]["source"], &frame["ip"]["destination"]];
    ends.contains(&&json!(NODE.1)) && ends.contains(&&json!("172.18.0.1"))
}

/// Nothing listens at the gateway of a lab on kind: that nobody answers is no fault.
#[test]
fn a_request_that_left_with_its_nodes_address_is_not_red_though_nobody_answers() {
    let page = page(|_frames| {}).expect("a page");
    let request = of_request(&page);
    for said in [
        "<span class=\"chip good\">✓ left with the node&#39;s address</span>",
        "No answer came, and none is needed",
        "no connection: connection refused",
        "source 10.0.2.4 became 172.18.0.4",
        "destination 172.18.0.4 became 10.0.2.4",
    ] {
        assert!(request.contains(said), "{said}: {request}");
    }
    // On the pod's link and the node's, there and back.
    for (class, count) in [("road request\"", 2), ("road answer\"", 2), ("bad", 0)] {
        assert_eq!(request.matches(class).count(), count, "{class}: {request}");
    }
    for red in ["chip bad", "✗", "not seen"] {
        assert!(
            !page[page.find("id=\"ways\"").expect("the ways")..page.find("id=\"stages\"").expect("an end")]
                .contains(red),
            "{red}"
        );
    }
}

#[test]
fn a_request_that_left_untranslated_is_red() {
    let page = page(|frames| {
        for frame in frames.iter_mut().filter(|frame| is_of_request(frame)) {
            let end = if frame["ip"]["source"] == json!(NODE.1) { "source" } else { "destination" };
            frame["ip"][end] = json!(POD.1);
        }
    })
    .expect("a page");
    let request = of_request(&page);
    for said in [
        "<span class=\"chip bad\">✗ left with 10.0.2.4</span>",
        "not masqueraded: one leaves kind-worker2&#39;s eth0 from 10.0.2.4, the pod&#39;s own address.",
        "No address was translated",
    ] {
        assert!(request.contains(said), "{said}: {request}");
    }
    for (class, count) in [("road request\"", 1), ("road bad\"", 1), ("road answer\"", 2)] {
        assert_eq!(request.matches(class).count(), count, "{class}: {request}");
    }
    assert!(page.contains(&format!("<code>{OUTSIDE}</code>")), "{page}");
}

#[test]
fn a_request_that_was_not_seen_leaving_is_neither() {
    let page = page(|frames| frames.retain(|frame| !is_of_request(frame))).expect("a page");
    let request = of_request(&page);
    for said in [
        "<span class=\"chip open\">? not known how it left</span>",
        "0 of 1 requests to 172.18.0.1:9 ",
        "? not seen here",
    ] {
        assert!(request.contains(said), "{said}: {request}");
    }
    assert!(!request.contains("bad"), "{request}");
}
