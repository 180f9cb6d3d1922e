resource "aws_cloudwatch_event_rule" "schedule" {
  count               = var.schedule == null ? 0 : 1
  name                = var.name
  schedule_expression = var.schedule
}

resource "aws_cloudwatch_event_target" "schedule" {
  count     = var.schedule == null ? 0 : 1
  rule      = aws_cloudwatch_event_rule.schedule[0].name
  target_id = "function"
  arn       = aws_lambda_alias.live.arn

  # The next call is soon enough: an old one is not worth repeating for long.
  retry_policy {
    maximum_retry_attempts       = 2
    maximum_event_age_in_seconds = 60
  }
  dead_letter_config {
    arn = module.dead_letters[0].queue.arn
  }
}

resource "aws_lambda_permission" "schedule" {
  count         = var.schedule == null ? 0 : 1
  statement_id  = "schedule"
  action        = "lambda:InvokeFunction"
  principal     = "events.amazonaws.com"
  function_name = aws_lambda_function.this.function_name
  qualifier     = aws_lambda_alias.live.name
  source_arn    = aws_cloudwatch_event_rule.schedule[0].arn
}

module "dead_letters" {
  source     = "../dead-letter-queue"
  count      = var.schedule == null ? 0 : 1
  name       = "${var.name}-dlq"
  encryption = var.encryption
  senders    = { Schedule = { service = "events.amazonaws.com", source_arn = aws_cloudwatch_event_rule.schedule[0].arn } }
}

resource "aws_lambda_function_event_invoke_config" "live" {
  function_name                = aws_lambda_function.this.function_name
  qualifier                    = aws_lambda_alias.live.name
  maximum_retry_attempts       = var.asynchronous.maximum_attempts
  maximum_event_age_in_seconds = var.asynchronous.maximum_age

  dynamic "destination_config" {
    for_each = module.dead_letters
    content {
      on_failure {
        destination = destination_config.value.queue.arn
      }
    }
  }
}
