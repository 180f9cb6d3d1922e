resource "aws_sns_topic" "this" {
  name              = var.name
  kms_master_key_id = try(var.encryption.key_arn, null)
}

# Alerts that could not be delivered to a subscriber.
module "undelivered" {
  source     = "../dead-letter-queue"
  name       = "${var.name}-undelivered"
  encryption = var.encryption
  senders    = { Topic = { service = "sns.amazonaws.com", source_arn = aws_sns_topic.this.arn } }
}

resource "aws_sns_topic_subscription" "this" {
  for_each       = var.subscriptions
  topic_arn      = aws_sns_topic.this.arn
  protocol       = each.value.protocol
  endpoint       = each.value.endpoint
  redrive_policy = jsonencode({ deadLetterTargetArn = module.undelivered.queue.arn })
}

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}

data "aws_iam_policy_document" "this" {
  # The function publishes by the rights of its role; the account manages what a policy alone would shut it out of.
  statement {
    sid       = "Account"
    actions   = ["sns:Publish", "sns:Subscribe", "sns:GetTopicAttributes", "sns:SetTopicAttributes", "sns:ListSubscriptionsByTopic"]
    resources = [aws_sns_topic.this.arn]
    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.this.partition}:iam::${data.aws_caller_identity.this.account_id}:root"]
    }
  }
  statement {
    sid       = "OnlyEncryptedConnections"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.this.arn]
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

resource "aws_sns_topic_policy" "this" {
  arn    = aws_sns_topic.this.arn
  policy = data.aws_iam_policy_document.this.json
}
