//! The flow from end to end on the local cloud: real `PutEvents`, SQS, Lambda processes, DynamoDB and Valkey, wired by terraform/, with
//! faults put in between. `make cloud-up`, `make e2e`, `make cloud-down`. Without a cloud each test says that it is skipped.

mod administration;
mod cache;
mod calls;
mod flow;
mod messages;
mod process;
mod replay;
mod start;
mod support;
mod telling;
mod valkey;
