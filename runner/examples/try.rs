#![allow(missing_docs)]
use clap::Parser;
use lab::backend::Routing;
use lab::backend::netns::{Lifetime, NetnsLab, holder, plan::Spec};
use lab::observe::*;
use lab::stage::Stage;
#[derive(clap::Parser)]
enum C {
    Hold(holder::HolderArgs),
    Go { n: usize, routing: String },
}
fn main() -> std::process::ExitCode {
    match C::parse() {
        C::Hold(args) => holder::main(&args),
        C::Go { n, routing } => {
            lab::runtime().unwrap().block_on(async {
                let mut nodes = vec![(NodeName("kind-control-plane".into()), Role::ControlPlane)];
                for i in 1..n {
                    nodes.push((
                        NodeName(if i == 1 { "kind-worker".into() } else { format!("kind-worker{i}") }),
                        Role::Worker,
                    ));
                }
                let spec = Spec {
                    routing: match routing.as_str() {
                        "native" => Routing::Native,
                        "vxlan" => Routing::Vxlan,
                        _ => Routing::None,
                    },
                    nodes,
                    bridge: "kind".into(),
                    replicas: 2,
                    workload: "hello-app".into(),
                    target_port: 8080,
                    service_port: 8080,
                    pod_pool: "10.0.0.0/8".parse().unwrap(),
                    pod_cidr_prefix: 24,
                    native_cidr: "10.0.0.0/8".parse().unwrap(),
                };
                let t = lab::clock::now();
                let l = NetnsLab::start(&std::env::current_exe().unwrap(), "try", spec, Lifetime::Tied).await.unwrap();
                println!("started {:?}", t.elapsed());
                for s in [Stage::ClusterCreated, Stage::RoutingInstalled, Stage::NodesReady, Stage::WorkloadReady] {
                    let b = l.build(s).await.unwrap_or_else(|e| panic!("{e}"));
                    println!("{} {} {:?}", b.stage, b.summary, b.elapsed);
                }
                if std::env::var("PAUSE").is_ok() {
                    println!("pid {:?}", l.netns_file(&Place::Bridge));
                    let mut s = String::new();
                    std::io::stdin().read_line(&mut s).unwrap();
                }
                let t = lab::clock::now();
                l.down().await.unwrap();
                println!("down {:?}", t.elapsed());
            });
            std::process::ExitCode::SUCCESS
        }
    }
}
