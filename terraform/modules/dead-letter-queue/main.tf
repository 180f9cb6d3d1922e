resource "aws_sqs_queue" "this" {
  name                      = var.name
  message_retention_seconds = var.retention_days * 86400
  kms_master_key_id         = try(var.encryption.key_arn, null)
  sqs_managed_sse_enabled   = var.encryption == null ? true : null
}

data "aws_iam_policy_document" "this" {
  dynamic "statement" {
    for_each = var.senders
    content {
      sid       = statement.key
      actions   = ["sqs:SendMessage"]
      resources = [aws_sqs_queue.this.arn]
      principals {
        type        = "Service"
        identifiers = [statement.value.service]
      }
      condition {
        test     = "ArnEquals"
        variable = "aws:SourceArn"
        values   = [statement.value.source_arn]
      }
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

resource "aws_sqs_queue_policy" "this" {
  queue_url = aws_sqs_queue.this.url
  policy    = data.aws_iam_policy_document.this.json
}
