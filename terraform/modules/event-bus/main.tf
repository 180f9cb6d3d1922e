resource "aws_cloudwatch_event_bus" "this" {
  name               = var.name
  kms_key_identifier = try(var.encryption.key_arn, null)

  # What the bus cannot encrypt or decrypt, after a mistake with the key, goes there instead of being lost.
  dead_letter_config {
    arn = module.undelivered.queue.arn
  }
}

# Its own key is the one of SQS: this queue is for the day on which ours cannot be used.
module "undelivered" {
  source  = "../dead-letter-queue"
  name    = "${var.name}-bus-undelivered"
  senders = { Bus = { service = "events.amazonaws.com", source_arn = aws_cloudwatch_event_bus.this.arn } }
}

resource "aws_cloudwatch_event_archive" "this" {
  count              = var.archive_days > 0 ? 1 : 0
  name               = var.name
  event_source_arn   = aws_cloudwatch_event_bus.this.arn
  retention_days     = var.archive_days
  kms_key_identifier = try(var.encryption.key_arn, null)
}

data "aws_iam_policy_document" "this" {
  dynamic "statement" {
    for_each = var.publishers
    content {
      sid       = statement.key
      actions   = ["events:PutEvents"]
      resources = [aws_cloudwatch_event_bus.this.arn]
      principals {
        type        = "AWS"
        identifiers = [statement.value.role_arn]
      }
      condition {
        test     = "StringEquals"
        variable = "events:source"
        values   = statement.value.sources
      }
    }
  }
}

resource "aws_cloudwatch_event_bus_policy" "this" {
  count          = length(var.publishers) > 0 ? 1 : 0
  event_bus_name = aws_cloudwatch_event_bus.this.name
  policy         = data.aws_iam_policy_document.this.json
}
