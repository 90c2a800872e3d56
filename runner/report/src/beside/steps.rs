//! The steps of the article that print something, and where this lab's own output of each is.

/// What an output is made of, and so how it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A header and rows under it.
    Table(Columns),
    /// `cilium status`: a picture, and lines whose label is written once for several.
    Status,
    /// Lines, each for itself, in their order.
    Lines,
}

/// How a table is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Columns {
    /// Columns whose values are made anew each time: whole cells are taken for that.
    pub ids: &'static [&'static str],
    /// Columns with ages and durations.
    pub ages: &'static [&'static str],
    /// Rows come in an order that says nothing: by id, by time, by a drawn name.
    pub unordered: bool,
    /// Which rows the article shows. None: all.
    pub rows: Option<Rows>,
}

/// Which rows of a lab's output the article has too; the others are counted and left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    /// Those whose cell in this column begins so.
    Beginning(&'static str, &'static str),
    /// Those whose cell in this column ends so, with the rows under them that have none there.
    Ending(&'static str, &'static str),
}

/// A difference that is expected, with why. It is shown as a difference all the same, marked as declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Declared {
    /// What is allowed to differ.
    pub what: Mask,
    /// Only where the run declared a deviation from the pins.
    pub deviating: bool,
    /// Why, for a reader.
    pub why: &'static str,
}

/// A part of a line that is left out of the comparison of lines that are to be shown beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mask {
    /// A column's cell.
    Column(&'static str),
    /// In a column, what follows the first comma.
    AfterComma(&'static str),
    /// In a column, an image's registry, repository and tag: its last name stays.
    ImageOf(&'static str),
    /// The digest that the article has behind an image.
    ArticlesDigest,
    /// In `cilium status`, an image's name; how many run it stays.
    StatusImage,
    /// In `cilium status`, how many pods there are, as long as all are managed.
    ManagedPods,
    /// In `ip route`, who made a route: `proto kernel`.
    RouteMaker,
}

/// Where this lab's output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Netns {
    /// There is nothing like it; why.
    Nothing(&'static str),
    /// Rendered from the routes that were seen before routing was installed.
    BaseRoutes,
    /// Rendered from the first reply of the Service that the control plane got.
    Reply,
}

/// A step of the article that prints something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// Its name here.
    pub id: &'static str,
    /// The article's command.
    pub command: &'static str,
    /// What the article printed.
    pub article: &'static str,
    /// The case among whose evidence this lab's output is.
    pub case: &'static str,
    /// What that command begins with.
    pub said: &'static str,
    /// It is the control plane's.
    pub control_plane: bool,
    /// What corresponds to it in a lab of namespaces.
    pub netns: Netns,
    /// How it is read.
    pub shape: Shape,
    /// What may differ.
    pub declared: &'static [Declared],
}

const NO_DOCKER: Netns = Netns::Nothing("a lab of network namespaces has no Docker");
const NO_KUBERNETES: Netns = Netns::Nothing("a lab of network namespaces has no Kubernetes");
const NO_CILIUM: Netns = Netns::Nothing("a lab of network namespaces has no Cilium");

const IMAGE: &str = "another node image was asked for";
const KERNEL: Declared =
    Declared { what: Mask::Column("KERNEL-VERSION"), deviating: false, why: "the kernel is this machine's" };
const NODES: [Declared; 5] = [
    KERNEL,
    Declared { what: Mask::Column("VERSION"), deviating: true, why: IMAGE },
    Declared { what: Mask::Column("OS-IMAGE"), deviating: true, why: IMAGE },
    Declared { what: Mask::Column("CONTAINER-RUNTIME"), deviating: true, why: IMAGE },
    Declared { what: Mask::AfterComma("ROLES"), deviating: true, why: IMAGE },
];
const PLAIN: Columns = Columns { ids: &[], ages: &["AGE"], unordered: false, rows: None };
const GET_NODES: &str = "kubectl get nodes -o wide";

/// All of them, in the article's order.
pub(super) const STEPS: &[Step] = &[
    Step {
        id: "docker ps",
        command: "docker ps",
        article: include_str!("article/docker-ps.txt"),
        case: "cluster::three_node_containers_run",
        said: "docker ps",
        control_plane: false,
        netns: NO_DOCKER,
        shape: Shape::Table(Columns {
            ids: &["CONTAINER ID"],
            ages: &["CREATED", "STATUS"],
            unordered: true,
            rows: Some(Rows::Beginning("NAMES", "kind-")),
        }),
        declared: &[Declared { what: Mask::ImageOf("IMAGE"), deviating: true, why: IMAGE }],
    },
    Step {
        id: "nodes before Cilium",
        command: GET_NODES,
        article: include_str!("article/nodes-before.txt"),
        case: "cluster::nodes_not_ready_for_want_of_a_cni",
        said: GET_NODES,
        control_plane: false,
        netns: NO_KUBERNETES,
        shape: Shape::Table(PLAIN),
        declared: &NODES,
    },
    Step {
        id: "docker network ls",
        command: "docker network ls",
        article: include_str!("article/docker-network-ls.txt"),
        case: "l2::nodes_share_one_bridge",
        said: "docker network ls",
        control_plane: false,
        netns: NO_DOCKER,
        shape: Shape::Table(Columns {
            ids: &["NETWORK ID"],
            ages: &[],
            unordered: true,
            rows: Some(Rows::Beginning("NAME", "kind")),
        }),
        declared: &[],
    },
    Step {
        id: "nested containers",
        command: "ctr -n k8s.io c ls",
        article: include_str!("article/ctr-containers.txt"),
        case: "cluster::control_plane_runs_nested_containers",
        said: "ctr -n k8s.io c ls",
        control_plane: true,
        netns: NO_KUBERNETES,
        shape: Shape::Table(Columns { ids: &["CONTAINER"], ages: &[], unordered: true, rows: None }),
        declared: &[Declared { what: Mask::ImageOf("IMAGE"), deviating: true, why: IMAGE }],
    },
    Step {
        id: "base routes",
        command: "ip route",
        article: include_str!("article/ip-route.txt"),
        case: "routing::only_base_routes_before",
        said: "ip route",
        control_plane: true,
        netns: Netns::BaseRoutes,
        shape: Shape::Lines,
        declared: &[Declared {
            what: Mask::RouteMaker,
            deviating: false,
            why: "who made a route depends on how the interface got its address, and decides nothing",
        }],
    },
    Step {
        id: "cilium status",
        command: "cilium status --wait",
        article: include_str!("article/cilium-status.txt"),
        case: "cilium::components_are_ok",
        said: "cilium status",
        control_plane: false,
        netns: NO_CILIUM,
        shape: Shape::Status,
        declared: &[
            Declared {
                what: Mask::ArticlesDigest,
                deviating: false,
                why: "an image that was streamed into the nodes has no repository digest there",
            },
            Declared { what: Mask::ManagedPods, deviating: false, why: "pods are counted at another moment" },
            Declared { what: Mask::StatusImage, deviating: true, why: "another image was asked for" },
        ],
    },
    Step {
        id: "nodes after Cilium",
        command: GET_NODES,
        article: include_str!("article/nodes-after.txt"),
        case: "cluster::nodes_become_ready",
        said: GET_NODES,
        control_plane: false,
        netns: NO_KUBERNETES,
        shape: Shape::Table(PLAIN),
        declared: &NODES,
    },
    Step {
        id: "pods",
        command: "kubectl get pods -o wide",
        article: include_str!("article/pods.txt"),
        case: "service::two_replicas_on_two_workers",
        said: "kubectl get pods",
        control_plane: false,
        netns: NO_KUBERNETES,
        shape: Shape::Table(Columns { unordered: true, ..PLAIN }),
        declared: &[],
    },
    Step {
        id: "service",
        command: "kubectl get service",
        article: include_str!("article/service.txt"),
        case: "service::cluster_ip_has_both_backends",
        said: "kubectl get service",
        control_plane: false,
        netns: NO_KUBERNETES,
        shape: Shape::Table(Columns { rows: Some(Rows::Beginning("NAME", "hello-app")), ..PLAIN }),
        declared: &[],
    },
    Step {
        id: "cilium service list",
        command: "kubectl exec -it -n kube-system cilium-zqmdj -- cilium service list",
        article: include_str!("article/cilium-service-list.txt"),
        case: "service::load_balancer_table_matches",
        said: "cilium service list",
        control_plane: false,
        netns: NO_CILIUM,
        shape: Shape::Table(Columns {
            ids: &["ID"],
            ages: &[],
            unordered: false,
            rows: Some(Rows::Ending("Frontend", ":8080")),
        }),
        declared: &[],
    },
    Step {
        id: "curl",
        command: "curl http://10.96.37.61:8080",
        article: include_str!("article/curl.txt"),
        case: "service::answers_from_the_control_plane",
        said: "curl",
        control_plane: true,
        netns: Netns::Reply,
        shape: Shape::Lines,
        declared: &[],
    },
];
