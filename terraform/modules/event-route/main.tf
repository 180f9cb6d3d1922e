resource "aws_cloudwatch_event_rule" "this" {
  name           = var.name
  event_bus_name = var.bus_name
  event_pattern  = var.pattern
}

resource "aws_cloudwatch_event_target" "queue" {
  rule           = aws_cloudwatch_event_rule.this.name
  event_bus_name = var.bus_name
  target_id      = "queue"
  arn            = aws_sqs_queue.this.arn

  retry_policy {
    maximum_retry_attempts       = var.delivery.maximum_attempts
    maximum_event_age_in_seconds = var.delivery.maximum_age
  }
  # The same queue as for messages: either way the body is the event, and both are put back alike.
  dead_letter_config {
    arn = module.dead_letters.queue.arn
  }
}

resource "aws_sqs_queue" "this" {
  name                       = var.name
  visibility_timeout_seconds = var.visibility_timeout
  message_retention_seconds  = var.retention_days * 86400
  receive_wait_time_seconds  = 20
  kms_master_key_id          = try(var.encryption.key_arn, null)
  sqs_managed_sse_enabled    = var.encryption == null ? true : null
  redrive_policy = jsonencode({
    deadLetterTargetArn = module.dead_letters.queue.arn
    maxReceiveCount     = var.maximum_receives
  })
}

module "dead_letters" {
  source     = "../dead-letter-queue"
  name       = "${var.name}-dlq"
  encryption = var.encryption
  senders    = { Rule = { service = "events.amazonaws.com", source_arn = aws_cloudwatch_event_rule.this.arn } }
}

resource "aws_sqs_queue_redrive_allow_policy" "dead_letters" {
  queue_url = module.dead_letters.queue.url
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.this.arn]
  })
}

data "aws_iam_policy_document" "queue" {
  statement {
    sid       = "Rule"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.this.arn]
    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.this.arn]
    }
  }
  statement {
    sid       = "OnlyEncryptedConnections"
    effect    = "Deny"
    actions   = ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage"]
    resources = [aws_sqs_queue.this.arn]
    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sqs_queue_policy" "queue" {
  queue_url = aws_sqs_queue.this.url
  policy    = data.aws_iam_policy_document.queue.json
}
