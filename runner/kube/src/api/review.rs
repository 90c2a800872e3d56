//! Whether this client may do something (`authorization.k8s.io/v1`, `SelfSubjectAccessReview`).

use async_recursion::async_recursion as boxed;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::api::PostParams;

use super::call::Api;
use super::error::ApiError;

/// A right that is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question<'a> {
    /// `list`, `get`, `create`, …
    pub verb: &'a str,
    /// The API's group; empty for the core one.
    pub group: &'a str,
    /// The resource: `pods`.
    pub resource: &'a str,
    /// A part of it: `exec`; empty for the resource itself.
    pub subresource: &'a str,
    /// The namespace; none for all.
    pub namespace: Option<&'a str>,
    /// The object's name; none for any.
    pub name: Option<&'a str>,
}

impl Api {
    /// Whether this client may do it, and if not, why, in the server's words.
    ///
    /// # Errors
    /// When the server does not answer, or refuses the question itself.
    #[boxed(?Send)]
    pub async fn may(&self, question: &Question<'_>) -> Result<Result<(), String>, ApiError> {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let attributes = ResourceAttributes {
            verb: text(question.verb),
            group: text(question.group),
            resource: text(question.resource),
            subresource: text(question.subresource),
            namespace: question.namespace.map(str::to_owned),
            name: question.name.map(str::to_owned),
            ..ResourceAttributes::default()
        };
        let review = SelfSubjectAccessReview {
            spec: SelfSubjectAccessReviewSpec {
                resource_attributes: Some(attributes),
                ..SelfSubjectAccessReviewSpec::default()
            },
            ..SelfSubjectAccessReview::default()
        };
        let reviews: kube::Api<SelfSubjectAccessReview> = kube::Api::all(self.client());
        let call = format!("review whether this client may {} {}", question.verb, question.resource);
        let answer = self.call(&call, reviews.create(&PostParams::default(), &review)).await?;
        let status = answer.status.unwrap_or_default();
        Ok(if status.allowed {
            Ok(())
        } else {
            Err(status.reason.filter(|reason| !reason.is_empty()).unwrap_or_else(|| "no rule allows it".to_owned()))
        })
    }
}
