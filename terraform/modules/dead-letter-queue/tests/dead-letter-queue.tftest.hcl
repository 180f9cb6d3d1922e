mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name = "pricestream-test-dlq"
}

run "messages_wait_for_two_weeks_and_nobody_else_may_send" {
  assert {
    condition     = aws_sqs_queue.this.message_retention_seconds == 1209600
    error_message = "Messages wait as long as SQS keeps them."
  }
  assert {
    condition     = [for s in data.aws_iam_policy_document.this.statement : s.effect] == ["Deny"]
    error_message = "Without senders, the policy only denies."
  }
}

run "a_sender_may_send_on_behalf_of_one_resource" {
  variables {
    senders    = { Rule = { service = "events.amazonaws.com", source_arn = "arn:aws:events:eu-west-1:123456789012:rule/a" } }
    encryption = { key_arn = "arn:aws:kms:eu-west-1:123456789012:key/k" }
  }
  assert {
    condition     = tolist(data.aws_iam_policy_document.this.statement[0].actions) == tolist(["sqs:SendMessage"]) && one(one(data.aws_iam_policy_document.this.statement[0].condition).values) == var.senders.Rule.source_arn
    error_message = "The service sends for that resource alone."
  }
  assert {
    condition     = aws_sqs_queue.this.kms_master_key_id == var.encryption.key_arn
    error_message = "The key encrypts the queue."
  }
}

run "a_name_that_sqs_refuses_is_refused" {
  command = plan
  variables {
    name = "pricestream.dlq"
  }
  expect_failures = [var.name]
}

run "a_sender_without_a_service_is_refused" {
  command = plan
  variables {
    senders = { Rule = { service = "events", source_arn = "arn:aws:events:eu-west-1:123456789012:rule/a" } }
  }
  expect_failures = [var.senders]
}

run "a_statement_id_with_a_hyphen_is_refused" {
  command = plan
  variables {
    senders = { my-rule = { service = "events.amazonaws.com", source_arn = "arn:aws:events:eu-west-1:123456789012:rule/a" } }
  }
  expect_failures = [var.senders]
}

run "a_month_is_refused" {
  command = plan
  variables {
    retention_days = 30
  }
  expect_failures = [var.retention_days]
}
