#[test]
fn show() {
    use lab::doctor::kind::KindDoctorInput;
    let manifests = lab::manifest::Manifests::embedded().unwrap();
    let expect = manifests.expectations(None, None).unwrap();
    let input = KindDoctorInput::new(&manifests, &expect, "kind", "./lab-runs".as_ref());
    let begun = lab::clock::now();
    let rows = lab::runtime().unwrap().block_on(lab::doctor::kind(&input));
    println!("{}\n{:?}", lab::doctor::table(&rows), begun.elapsed());
}
