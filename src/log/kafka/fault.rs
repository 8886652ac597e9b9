//! librdkafka's errors, sorted by what the caller has to do.

use rdkafka::error::{KafkaError, RDKafkaError, RDKafkaErrorCode as Code};

use crate::log::LogError;

/// Where a call was made: which brokers, and what for.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<'a> {
    /// The bootstrap servers.
    pub(super) servers: &'a str,
    /// What was tried, as in "cannot commit".
    pub(super) what: &'a str,
}

impl At<'_> {
    fn text(&self, detail: &str) -> String {
        format!("cannot {}: {detail} (brokers {})", self.what, self.servers)
    }

    /// Any call that changes nothing: reading, asking. What is not known to be hopeless is tried again.
    pub(super) fn reading(&self, error: &KafkaError) -> LogError {
        let text = self.text(&error.to_string());
        match error {
            KafkaError::ClientConfig(..) | KafkaError::ClientCreation(_) | KafkaError::Nul(_) => LogError::Usage(text),
            KafkaError::MessageConsumptionFatal(_) => LogError::Fatal(text),
            other => match other.rdkafka_error_code() {
                Some(code) if forbidden(code) => LogError::Usage(self.forbidden(&error.to_string())),
                Some(Code::FencedInstanceId | Code::Fenced | Code::Fatal) => LogError::Fatal(text),
                _ => LogError::Retriable(text),
            },
        }
    }

    /// A call of the transactional producer.
    pub(super) fn transaction(&self, error: &KafkaError) -> LogError {
        match error {
            KafkaError::Transaction(error) => self.sorted(error),
            KafkaError::ClientConfig(..) | KafkaError::ClientCreation(_) => LogError::Usage(self.text(&error.to_string())),
            other => match other.rdkafka_error_code() {
                Some(Code::OperationTimedOut) => LogError::Retriable(self.text(&error.to_string())),
                _ => LogError::Fatal(self.text(&error.to_string())),
            },
        }
    }

    fn sorted(&self, error: &RDKafkaError) -> LogError {
        let text = self.text(&error.string());
        // The order matters: a fatal error may also say that it requires an abort.
        if forbidden(error.code()) {
            LogError::Usage(self.forbidden(&error.string()))
        } else if error.is_fatal() || matches!(error.code(), Code::Fatal | Code::Fenced) {
            // A fenced producer says so by the code alone where a request of the transaction found it out.
            LogError::Fatal(text)
        } else if error.txn_requires_abort() {
            LogError::Abort(text)
        } else if error.is_retriable() || error.code() == Code::OperationTimedOut {
            LogError::Retriable(text)
        } else {
            // None of the three: nobody knows what has become of the transaction.
            LogError::Fatal(text)
        }
    }

    /// The plain commit of offsets, without a transaction.
    pub(super) fn offsets(&self, error: &KafkaError) -> LogError {
        let text = self.text(&error.to_string());
        match error.rdkafka_error_code() {
            Some(code) if forbidden(code) => LogError::Usage(self.forbidden(&error.to_string())),
            Some(Code::FencedInstanceId | Code::Fenced | Code::Fatal) => LogError::Fatal(text),
            Some(Code::IllegalGeneration | Code::UnknownMemberId | Code::AssignmentLost) => LogError::Abort(text),
            _ => LogError::Retriable(text),
        }
    }

    fn forbidden(&self, detail: &str) -> String {
        format!(
            "{}; the brokers' access rules do not allow it, or the credentials (kafka.sasl.*, kafka.ssl.*) are wrong",
            self.text(detail)
        )
    }
}

fn forbidden(code: Code) -> bool {
    matches!(
        code,
        Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed
    )
}
