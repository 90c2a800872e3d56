//! What `lab probe` reads and writes.

use std::io::{BufRead, BufReader, PipeWriter, Read, Write, pipe};
use std::thread;

use lab_model::observe::Payload;
use lab_model::request::{Answer, Answered, Ask, CAPTURE_READY, CaptureFilter, Request};
use lab_probe::{ProbeArgs, ServeError, serve};

use crate::http::LONG;
use crate::scratch::{ONE, TWO, pair};

fn args() -> ProbeArgs {
    ProbeArgs::default()
}

/// Answers to a whole input.
fn run(args: &ProbeArgs, input: &str) -> Result<Vec<Answered>, ServeError> {
    let mut output = Vec::new();
    let mut errors = Vec::new();
    serve(args, std::io::Cursor::new(input.as_bytes().to_vec()), &mut output, &mut errors)?;
    assert_eq!(errors, b"");
    Ok(serde_json::from_slice(&output).unwrap())
}

fn json(asks: &[Ask]) -> String {
    serde_json::to_string(asks).unwrap()
}

#[test]
fn questions_without_a_namespace_are_about_that_of_the_arguments() {
    let (one, two) = pair();
    let mut ask = two.ask(Request::View);
    ask.netns = None;
    let asks = [ask, two.ask(Request::View)];
    let args = ProbeArgs { netns: Some(one.path()), ..args() };
    for input in [json(&asks), serde_json::to_string_pretty(&asks).unwrap()] {
        let answers = run(&args, &input).unwrap();
        let addresses: Vec<_> = answers
            .iter()
            .map(|answered| match &answered.answer {
                Ok(Answer::View(view)) => view.address_of("eth0").map(|net| net.addr()),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(addresses, [Some(ONE), Some(TWO)]);
    }
}

#[test]
fn input_that_is_no_list_of_questions_is_refused_with_its_place() {
    let place = |input: &str| match run(&args(), input).unwrap_err() {
        error @ (ServeError::Questions(_) | ServeError::More(_)) => {
            format!("{error}: {}", std::error::Error::source(&error).unwrap())
        }
        other => panic!("{other}"),
    };
    assert!(place("").starts_with("standard input is no list of questions: "), "{}", place(""));
    let unknown = r#"[{"place": "bridge", "netns": null, "request": {"look": 1}}]"#;
    assert!(place(unknown).contains("[0].request"), "{}", place(unknown));
    assert!(place("[] []").starts_with("standard input has more than a list of questions"), "{}", place("[] []"));
}

#[test]
fn a_capture_whose_end_has_come_already_is_refused() {
    let (one, _two) = pair();
    let filter = CaptureFilter::All;
    let ask = one.ask(Request::Capture { device: "eth0".to_owned(), filter, deadline: LONG, pcap: None });
    let spread = serde_json::to_string_pretty(&[ask]).unwrap();
    assert!(matches!(run(&args(), &spread), Err(ServeError::CaptureNotOnOneLine)));
}

#[test]
fn a_capture_runs_from_the_ready_line_to_the_end_of_standard_input() {
    let (one, two) = pair();
    let filter = CaptureFilter::Ipv4AndArp;
    let ask = two.ask(Request::Capture { device: "eth0".to_owned(), filter, deadline: LONG, pcap: None });
    let (input, mut to_input) = pipe().unwrap();
    let (mut from_output, output) = pipe().unwrap();
    let (from_errors, errors) = pipe().unwrap();
    let serving = thread::spawn(move || serve(&args(), BufReader::new(input), output, errors).unwrap());
    writeln!(to_input, "{}", json(&[ask])).unwrap();
    let ready = BufReader::new(from_errors).lines().next().unwrap().unwrap();
    assert_eq!(ready, CAPTURE_READY);
    let ping = one.answer(Request::Ping { destination: TWO, lengths: vec![84], deadline: LONG });
    assert!(ping.is_ok());
    drop::<PipeWriter>(to_input);
    let mut text = String::new();
    from_output.read_to_string(&mut text).unwrap();
    serving.join().unwrap();
    let answers: Vec<Answered> = serde_json::from_str(&text).unwrap();
    let Ok(Answer::Captured(capture)) = &answers[0].answer else { panic!("{answers:?}") };
    let pings = capture.frames.iter().filter_map(|frame| frame.ip.as_ref());
    let pings = pings.filter(|ip| matches!(&ip.payload, Payload::Icmp(icmp) if icmp.kind == 8));
    assert_eq!(pings.count(), 1);
}

#[test]
fn a_user_namespace_that_is_not_there_is_an_error() {
    let args = ProbeArgs { userns: Some("/proc/self/ns/no-such".into()), ..ProbeArgs::default() };
    let error = run(&args, "[]").unwrap_err();
    assert_eq!(error.to_string(), "the user namespace cannot be joined");
    // This process's own is not joined again, which the kernel would refuse.
    let args = ProbeArgs { userns: Some("/proc/self/ns/user".into()), ..ProbeArgs::default() };
    assert_eq!(run(&args, "[]").unwrap(), []);
}
