mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name        = "pricestream-test-cache-writer"
  description = "A committed price goes into the cache"
  zip         = "tests/bootstrap.zip"
  calls       = ["dynamodb:GetItem"]
  statements  = { Prices = { actions = ["dynamodb:GetItem"], resources = ["arn:aws:dynamodb:eu-west-1:123456789012:table/prices"] } }
}

run "a_plain_function" {
  assert {
    condition     = aws_lambda_function.this.runtime == "provided.al2023" && aws_lambda_function.this.handler == "bootstrap" && aws_lambda_function.this.architectures == tolist(["arm64"])
    error_message = "A Rust binary runs on arm64 unless told otherwise."
  }
  assert {
    condition     = aws_lambda_function.this.publish && aws_lambda_alias.live.name == "live" && aws_lambda_alias.live.function_version == aws_lambda_function.this.version
    error_message = "The alias follows the published version."
  }
  assert {
    condition     = aws_lambda_function.this.role == aws_iam_role.this.arn && aws_iam_role.this.name == var.name
    error_message = "The function has a role of its own."
  }
  assert {
    condition     = aws_cloudwatch_log_group.this.name == "/aws/lambda/${var.name}" && aws_cloudwatch_log_group.this.retention_in_days == 30
    error_message = "The log group is ours, and has an end."
  }
  assert {
    condition     = aws_lambda_function.this.logging_config[0].log_format == "JSON" && aws_lambda_function.this.logging_config[0].log_group == aws_cloudwatch_log_group.this.name
    error_message = "Logs are JSON, in that group."
  }
  assert {
    condition     = [for s in data.aws_iam_policy_document.this.statement : s.sid] == ["Logs", "CallPrices"]
    error_message = "It may write its log and do what was asked for."
  }
  assert {
    condition     = keys(aws_iam_role_policy_attachment.managed) == ["AWSXRayDaemonWriteAccess"] && length(aws_lambda_function.this.vpc_config) == 0
    error_message = "It is traced, and runs outside of a VPC."
  }
  assert {
    condition     = aws_lambda_function_event_invoke_config.live.qualifier == "live" && length(aws_lambda_function_event_invoke_config.live.destination_config) == 0
    error_message = "Without a schedule there is nothing to keep."
  }
}

run "a_function_on_another_processor" {
  variables {
    architectures = ["x86_64"]
    tracing       = "PassThrough"
  }
  assert {
    condition     = aws_lambda_function.this.architectures == tolist(["x86_64"]) && length(aws_iam_role_policy_attachment.managed) == 0
    error_message = "One variable chooses the processor; without tracing there are no rights for it."
  }
}

run "queue_and_stream_reach_the_alias" {
  variables {
    queues          = { events = { arn = "arn:aws:sqs:eu-west-1:123456789012:work", maximum_concurrency = 20 } }
    streams         = { prices = { arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/prices/stream/1" } }
    stream_failures = { arn = "arn:aws:sqs:eu-west-1:123456789012:failures" }
  }
  assert {
    condition     = alltrue([for m in concat(values(aws_lambda_event_source_mapping.queue), values(aws_lambda_event_source_mapping.stream)) : m.function_name == aws_lambda_alias.live.arn && m.function_response_types == toset(["ReportBatchItemFailures"]) && m.maximum_batching_window_in_seconds == 0])
    error_message = "Sources call the alias at once, and single failures are reported."
  }
  assert {
    condition     = aws_lambda_event_source_mapping.queue["events"].scaling_config[0].maximum_concurrency == 20 && aws_lambda_event_source_mapping.queue["events"].batch_size == 10
    error_message = "The queue is bounded at its source."
  }
  assert {
    condition = alltrue([
      aws_lambda_event_source_mapping.stream["prices"].starting_position == "TRIM_HORIZON", aws_lambda_event_source_mapping.stream["prices"].bisect_batch_on_function_error,
      aws_lambda_event_source_mapping.stream["prices"].maximum_retry_attempts == 8, aws_lambda_event_source_mapping.stream["prices"].maximum_record_age_in_seconds == 3600,
      aws_lambda_event_source_mapping.stream["prices"].parallelization_factor == 10, aws_lambda_event_source_mapping.stream["prices"].batch_size == 100,
      aws_lambda_event_source_mapping.stream["prices"].destination_config[0].on_failure[0].destination_arn == var.stream_failures.arn,
    ])
    error_message = "A bad record does not block its shard, and is told of."
  }
  assert {
    condition     = [for s in data.aws_iam_policy_document.this.statement : s.sid] == ["Logs", "Queues", "StreamFailures", "Streams", "CallPrices"]
    error_message = "Lambda may read the sources in the function's name."
  }
}

run "the_clock_calls_the_alias_and_what_fails_is_kept" {
  variables {
    schedule = "rate(1 minute)"
  }
  assert {
    condition     = aws_cloudwatch_event_target.schedule[0].arn == aws_lambda_alias.live.arn && aws_cloudwatch_event_target.schedule[0].rule == aws_cloudwatch_event_rule.schedule[0].name
    error_message = "The rule calls the alias."
  }
  assert {
    condition     = aws_cloudwatch_event_target.schedule[0].dead_letter_config[0].arn == output.dead_letter_queue.arn && aws_cloudwatch_event_target.schedule[0].retry_policy[0].maximum_retry_attempts == 2
    error_message = "The target has retries and a dead-letter queue."
  }
  assert {
    condition     = aws_lambda_permission.schedule[0].qualifier == "live" && aws_lambda_permission.schedule[0].source_arn == aws_cloudwatch_event_rule.schedule[0].arn
    error_message = "Only this rule may call, and only the alias."
  }
  assert {
    condition     = aws_lambda_function_event_invoke_config.live.destination_config[0].on_failure[0].destination == output.dead_letter_queue.arn && output.dead_letter_queue.name == "${var.name}-dlq"
    error_message = "A call that failed goes to the dead-letter queue."
  }
}

run "a_function_in_the_network_with_keys" {
  variables {
    vpc        = { subnet_ids = ["subnet-1", "subnet-2"], security_group_ids = ["sg-1"] }
    keys       = { Records = { key_arn = "arn:aws:kms:eu-west-1:123456789012:key/r", services = ["dynamodb"] } }
    encryption = { key_arn = "arn:aws:kms:eu-west-1:123456789012:key/m" }
  }
  assert {
    condition     = toset(aws_lambda_function.this.vpc_config[0].subnet_ids) == toset(var.vpc.subnet_ids) && contains(keys(aws_iam_role_policy_attachment.managed), "service-role/AWSLambdaENIManagementAccess")
    error_message = "It runs in the subnets, and Lambda may make interfaces there."
  }
  assert {
    condition     = [for s in data.aws_iam_policy_document.this.statement : s.effect if s.sid == "InterfacesAreNotForTheCode"] == ["Deny"]
    error_message = "The code itself may not touch interfaces."
  }
  assert {
    condition     = [for s in data.aws_iam_policy_document.this.statement : one(one(s.condition).values) if s.sid == "KeyRecords"] == ["dynamodb.eu-west-1.amazonaws.com"]
    error_message = "A key is used through its service alone."
  }
  assert {
    condition     = aws_lambda_function.this.kms_key_arn == var.encryption.key_arn && aws_cloudwatch_log_group.this.kms_key_id == var.encryption.key_arn
    error_message = "Variables and logs are encrypted with the key."
  }
}

run "a_bad_name_is_refused" {
  command = plan
  variables {
    name = "CacheWriter"
  }
  expect_failures = [var.name]
}

run "no_description_is_refused" {
  command = plan
  variables {
    description = ""
  }
  expect_failures = [var.description]
}

run "a_missing_zip_is_refused" {
  command = plan
  variables {
    zip = "tests/none.zip"
  }
  expect_failures = [var.zip]
}

run "a_misspelt_architecture_is_refused" {
  command = plan
  variables {
    architectures = ["arm46"]
  }
  expect_failures = [var.architectures]
}

run "two_architectures_are_refused" {
  command = plan
  variables {
    architectures = ["arm64", "x86_64"]
  }
  expect_failures = [var.architectures]
}

run "too_little_memory_is_refused" {
  command = plan
  variables {
    memory_size = 64
  }
  expect_failures = [var.memory_size]
}

run "a_timeout_of_an_hour_is_refused" {
  command = plan
  variables {
    timeout = 3600
  }
  expect_failures = [var.timeout]
}

run "a_reservation_of_nothing_is_refused" {
  command = plan
  variables {
    reserved_concurrency = 0
  }
  expect_failures = [var.reserved_concurrency]
}

run "a_variable_of_lambda_is_refused" {
  command = plan
  variables {
    environment = { AWS_REGION = "eu-west-1" }
  }
  expect_failures = [var.environment]
}

run "a_variable_in_small_letters_is_refused" {
  command = plan
  variables {
    environment = { stage = "test" }
  }
  expect_failures = [var.environment]
}

run "a_statement_id_with_a_hyphen_is_refused" {
  command = plan
  variables {
    statements = { my-prices = { actions = ["dynamodb:GetItem"], resources = ["arn:aws:dynamodb:eu-west-1:123456789012:table/prices"] } }
  }
  expect_failures = [var.statements]
}

run "an_action_with_a_wildcard_is_refused" {
  command = plan
  variables {
    statements = { Prices = { actions = ["dynamodb:GetItem", "dynamodb:*"], resources = ["arn:aws:dynamodb:eu-west-1:123456789012:table/prices"] } }
  }
  expect_failures = [var.statements]
}

run "a_resource_of_everything_is_refused" {
  command = plan
  variables {
    statements = { Prices = { actions = ["dynamodb:GetItem"], resources = ["*"] } }
  }
  expect_failures = [var.statements]
}

run "a_grant_that_the_code_does_not_need_is_refused" {
  command = plan
  variables {
    statements = { Prices = { actions = ["dynamodb:GetItem", "dynamodb:DeleteItem"], resources = ["arn:aws:dynamodb:eu-west-1:123456789012:table/prices"] } }
  }
  expect_failures = [var.statements]
}

run "a_call_without_a_grant_is_refused" {
  command = plan
  variables {
    calls = ["dynamodb:GetItem", "dynamodb:PutItem"]
  }
  expect_failures = [var.statements]
}

run "a_key_for_no_service_is_refused" {
  command = plan
  variables {
    keys = { Records = { key_arn = "arn:aws:kms:eu-west-1:123456789012:key/k", services = [] } }
  }
  expect_failures = [var.keys]
}

run "a_month_of_31_days_is_refused" {
  command = plan
  variables {
    log_retention_days = 31
  }
  expect_failures = [var.log_retention_days]
}

run "misspelt_tracing_is_refused" {
  command = plan
  variables {
    tracing = "On"
  }
  expect_failures = [var.tracing]
}

run "a_batch_of_a_hundred_messages_is_refused" {
  command = plan
  variables {
    queues = { events = { arn = "arn:aws:sqs:eu-west-1:123456789012:work", batch_size = 100 } }
  }
  expect_failures = [var.queues]
}

run "a_single_call_at_once_is_refused" {
  command = plan
  variables {
    queues = { events = { arn = "arn:aws:sqs:eu-west-1:123456789012:work", maximum_concurrency = 1 } }
  }
  expect_failures = [var.queues]
}

run "eleven_calls_for_a_shard_are_refused" {
  command = plan
  variables {
    stream_failures = { arn = "arn:aws:sqs:eu-west-1:123456789012:work" }
    streams         = { prices = { arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/prices/stream/1", parallelization_factor = 11 } }
  }
  expect_failures = [var.streams]
}

run "endless_retries_of_a_stream_are_refused" {
  command = plan
  variables {
    stream_failures = { arn = "arn:aws:sqs:eu-west-1:123456789012:work" }
    streams         = { prices = { arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/prices/stream/1", maximum_retries = -1 } }
  }
  expect_failures = [var.streams]
}

run "a_stream_without_a_queue_for_failures_is_refused" {
  command = plan
  variables {
    streams = { prices = { arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/prices/stream/1" } }
  }
  expect_failures = [var.stream_failures]
}

run "rate_of_one_minutes_is_refused" {
  command = plan
  variables {
    schedule = "rate(1 minutes)"
  }
  expect_failures = [var.schedule]
}

run "three_attempts_are_refused" {
  command = plan
  variables {
    asynchronous = { maximum_attempts = 3 }
  }
  expect_failures = [var.asynchronous]
}
