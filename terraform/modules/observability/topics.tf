data "aws_caller_identity" "this" {}
data "aws_region" "this" {}

resource "aws_sns_topic" "this" {
  for_each          = toset(["page", "ticket"])
  name              = "${var.prefix}-${each.key}"
  kms_master_key_id = try(var.encryption.key_arn, null)
}

data "aws_iam_policy_document" "topic" {
  for_each = aws_sns_topic.this
  statement {
    sid       = "Alarms"
    actions   = ["sns:Publish"]
    resources = [each.value.arn]
    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.this.account_id]
    }
  }
}

resource "aws_sns_topic_policy" "this" {
  for_each = aws_sns_topic.this
  arn      = each.value.arn
  policy   = data.aws_iam_policy_document.topic[each.key].json
}

resource "aws_sns_topic_subscription" "email" {
  for_each = merge([for severity, addresses in var.emails : { for address in addresses : "${severity} ${address}" => { severity = severity, address = address } }]...)

  topic_arn = aws_sns_topic.this[each.value.severity].arn
  protocol  = "email"
  endpoint  = each.value.address
}
