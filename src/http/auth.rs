//! The bearer token: compared in constant time, asked for on everything but `/livez` and `/readyz`.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::Next;
use actix_web::{Error, error, web};
use sha2::{Digest, Sha256};

/// The digest of the token that requests must carry, if one is set.
pub(super) struct Token(Option<[u8; 32]>);

impl Token {
    pub(super) fn new(token: Option<&str>) -> Self {
        Token(token.map(digest))
    }

    /// Digests are compared whole, so that the time tells nothing about the token.
    fn admits(&self, given: Option<&str>) -> bool {
        let Some(expected) = &self.0 else { return true };
        let Some(given) = given.and_then(|header| header.strip_prefix("Bearer ")) else { return false };
        expected.iter().zip(digest(given)).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Health is for orchestrators that hold no secret.
const OPEN: [&str; 2] = ["/livez", "/readyz"];

pub(super) async fn check_token(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let token = request.app_data::<web::Data<Token>>().cloned();
    let given = request.headers().get(AUTHORIZATION).and_then(|header| header.to_str().ok());
    let admitted = OPEN.contains(&request.path()) || token.is_some_and(|token| token.admits(given));
    if !admitted {
        return Err(error::ErrorUnauthorized("send the token of http.token: Authorization: Bearer TOKEN\n"));
    }
    next.call(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_is_admitted() {
        let token = Token::new(Some("secret"));
        assert!(token.admits(Some("Bearer secret")));
        for wrong in [None, Some(""), Some("secret"), Some("Bearer secre"), Some("Bearer secrets"), Some("bearer secret")] {
            assert!(!token.admits(wrong), "{wrong:?}");
        }
        assert!(Token::new(None).admits(None));
    }
}
