mock_provider "aws" {
  source = "../../mocks"
}

override_resource {
  target = aws_sqs_queue.this
  values = { arn = "arn:aws:sqs:eu-west-1:123456789012:work", url = "https://sqs.example/work" }
}
override_resource {
  target = module.dead_letters.aws_sqs_queue.this
  values = { arn = "arn:aws:sqs:eu-west-1:123456789012:work-dlq", url = "https://sqs.example/work-dlq" }
}
override_resource {
  target = aws_cloudwatch_event_rule.this
  values = { arn = "arn:aws:events:eu-west-1:123456789012:rule/bus/work" }
}

variables {
  name               = "pricestream-test-cache-writer"
  bus_name           = "pricestream-test"
  pattern            = "{\"source\":[\"pricestream.pricing\"],\"detail-type\":[\"PriceChanged.v1\"]}"
  visibility_timeout = 60
}

run "an_event_goes_through_the_queue_and_what_fails_is_kept" {
  assert {
    condition     = aws_cloudwatch_event_target.queue.arn == aws_sqs_queue.this.arn && aws_cloudwatch_event_target.queue.rule == aws_cloudwatch_event_rule.this.name
    error_message = "The rule feeds the queue."
  }
  assert {
    condition     = aws_cloudwatch_event_rule.this.event_bus_name == var.bus_name && aws_cloudwatch_event_target.queue.event_bus_name == var.bus_name
    error_message = "Rule and target are on the given bus, not on the default one."
  }
  assert {
    condition     = one(aws_cloudwatch_event_target.queue.dead_letter_config[*].arn) == module.dead_letters.queue.arn
    error_message = "What the bus cannot deliver goes to the dead-letter queue."
  }
  assert {
    condition     = aws_cloudwatch_event_target.queue.retry_policy[0].maximum_retry_attempts == 24 && aws_cloudwatch_event_target.queue.retry_policy[0].maximum_event_age_in_seconds == 3600
    error_message = "The bus tries again for an hour."
  }
  assert {
    condition     = jsondecode(aws_sqs_queue.this.redrive_policy) == { deadLetterTargetArn = module.dead_letters.queue.arn, maxReceiveCount = 5 }
    error_message = "What the function fails on five times goes to the dead-letter queue."
  }
  assert {
    condition     = jsondecode(aws_sqs_queue_redrive_allow_policy.dead_letters.redrive_allow_policy).sourceQueueArns == [aws_sqs_queue.this.arn]
    error_message = "Only this queue may use its dead-letter queue."
  }
  assert {
    condition     = one(one(data.aws_iam_policy_document.queue.statement[0].condition).values) == aws_cloudwatch_event_rule.this.arn
    error_message = "Only this rule may send to the queue."
  }
  assert {
    condition     = data.aws_iam_policy_document.queue.statement[1].effect == "Deny"
    error_message = "Connections that are not encrypted are refused."
  }
  assert {
    condition     = aws_sqs_queue.this.sqs_managed_sse_enabled && aws_sqs_queue.this.kms_master_key_id == null
    error_message = "Without a key of ours, SQS encrypts with its own."
  }
  assert {
    condition     = output.dead_letter_queue.name == "pricestream-test-cache-writer-dlq"
    error_message = "The dead-letter queue is named after the queue."
  }
}

run "a_key_of_ours_encrypts_both_queues" {
  variables {
    encryption = { key_arn = "arn:aws:kms:eu-west-1:123456789012:key/k" }
  }
  assert {
    condition     = aws_sqs_queue.this.kms_master_key_id == var.encryption.key_arn
    error_message = "The key encrypts the queue."
  }
}

run "a_bad_name_is_refused" {
  command = plan
  variables {
    name = "Cache_Writer"
  }
  expect_failures = [var.name]
}

run "a_pattern_without_a_source_is_refused" {
  command = plan
  variables {
    pattern = "{\"detail-type\":[\"PriceChanged.v1\"]}"
  }
  expect_failures = [var.pattern]
}

run "a_pattern_that_is_not_json_is_refused" {
  command = plan
  variables {
    pattern = "source"
  }
  expect_failures = [var.pattern]
}

run "a_visibility_timeout_of_nothing_is_refused" {
  command = plan
  variables {
    visibility_timeout = 0
  }
  expect_failures = [var.visibility_timeout]
}

run "a_single_receive_is_refused" {
  command = plan
  variables {
    maximum_receives = 1
  }
  expect_failures = [var.maximum_receives]
}

run "a_queue_that_outlives_its_dead_letter_queue_is_refused" {
  command = plan
  variables {
    retention_days = 14
  }
  expect_failures = [var.retention_days]
}

run "too_many_attempts_are_refused" {
  command = plan
  variables {
    delivery = { maximum_attempts = 186 }
  }
  expect_failures = [var.delivery]
}

run "too_old_events_are_refused" {
  command = plan
  variables {
    delivery = { maximum_age = 59 }
  }
  expect_failures = [var.delivery]
}
