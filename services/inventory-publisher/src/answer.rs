use pricestream_http::{Code, IntakeError, Problem, StockOutcome};
use pricestream_ports::chain;

use crate::{PublishError, Published, Refused};

/// What a stock change came to, as the intake answers it.
pub fn answer(published: Result<Published, PublishError>) -> Result<StockOutcome, IntakeError> {
    match published {
        Ok(Published::Applied(stock_version)) => Ok(StockOutcome::Applied { stock_version }),
        Ok(Published::Repeated(stock_version)) => Ok(StockOutcome::Repeated { stock_version }),
        Ok(Published::Stale(stock_version)) => Ok(StockOutcome::Stale { stock_version }),
        Err(PublishError::Refused(refused)) => Ok(StockOutcome::Refused(problem(&refused))),
        Err(PublishError::Failed(failure)) => Err(IntakeError::Failed(chain(&failure))),
    }
}

fn problem(refused: &Refused) -> Problem {
    let code = match refused {
        Refused::UnknownSku(_) => Code::UnknownSku,
        Refused::OtherOrigin { .. } => Code::OtherOrigin,
        Refused::Contradiction { .. } => Code::Contradiction,
        Refused::OtherTime { .. } => Code::OtherTime,
    };
    Problem::new(code, refused.to_string())
}
