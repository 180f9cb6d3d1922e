resource "aws_lambda_event_source_mapping" "queue" {
  for_each                           = var.queues
  event_source_arn                   = each.value.arn
  function_name                      = aws_lambda_alias.live.arn
  batch_size                         = each.value.batch_size
  maximum_batching_window_in_seconds = 0
  function_response_types            = ["ReportBatchItemFailures"]
  # The bound is here and not in reserved concurrency: a throttled call counts as a receive, and would send good messages to the
  # dead-letter queue.
  scaling_config {
    maximum_concurrency = each.value.maximum_concurrency
  }
}

resource "aws_lambda_event_source_mapping" "stream" {
  for_each                           = var.streams
  event_source_arn                   = each.value.arn
  function_name                      = aws_lambda_alias.live.arn
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = each.value.batch_size
  maximum_batching_window_in_seconds = 0
  parallelization_factor             = each.value.parallelization_factor
  bisect_batch_on_function_error     = true
  maximum_retry_attempts             = each.value.maximum_retries
  maximum_record_age_in_seconds      = each.value.maximum_record_age
  function_response_types            = ["ReportBatchItemFailures"]
  destination_config {
    on_failure {
      destination_arn = var.stream_failures.arn
    }
  }
}
