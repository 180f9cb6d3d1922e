# Two keys, as two kinds of users: records are read by our functions alone, messages also pass through the hands of AWS services.
locals {
  keys = {
    records = { description = "Tables and cache of ${local.prefix}", services = {} }
    messages = {
      description = "Bus, queues, topics, logs and variables of ${local.prefix}"
      services = {
        Events = "events.amazonaws.com"     # the bus, and rules that write to queues
        Topics = "sns.amazonaws.com"        # topics that write to queues
        Alarms = "cloudwatch.amazonaws.com" # alarms that write to topics
      }
    }
  }
  encryption = {
    records  = var.settings.encryption.enabled ? { key_arn = aws_kms_key.this["records"].arn } : null
    messages = var.settings.encryption.enabled ? { key_arn = aws_kms_key.this["messages"].arn } : null
  }
}

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

resource "aws_kms_key" "this" {
  for_each                = var.settings.encryption.enabled ? local.keys : {}
  description             = each.value.description
  enable_key_rotation     = true
  deletion_window_in_days = var.settings.encryption.deletion_window_days
  policy                  = data.aws_iam_policy_document.key[each.key].json
}

resource "aws_kms_alias" "this" {
  for_each      = aws_kms_key.this
  name          = "alias/${local.prefix}-${each.key}"
  target_key_id = each.value.key_id
}

# In a key's policy the resource `*` is that key: AWS accepts nothing else there.
data "aws_iam_policy_document" "key" {
  #checkov:skip=CKV_AWS_109: a key's policy is about the key itself.
  #checkov:skip=CKV_AWS_111: the account manages its key, as AWS sets it up by default.
  #checkov:skip=CKV_AWS_356: in a key's policy `*` is that key.
  for_each = local.keys

  statement {
    sid = "Account"
    actions = [
      "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:CreateGrant", "kms:Decrypt", "kms:DeleteAlias", "kms:DescribeKey", "kms:DisableKey",
      "kms:DisableKeyRotation", "kms:EnableKey", "kms:EnableKeyRotation", "kms:Encrypt", "kms:GenerateDataKey",
      "kms:GenerateDataKeyWithoutPlaintext", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListGrants", "kms:ListKeyPolicies",
      "kms:ListResourceTags", "kms:PutKeyPolicy", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:RevokeGrant", "kms:ScheduleKeyDeletion",
      "kms:TagResource", "kms:UntagResource", "kms:UpdateAlias", "kms:UpdateKeyDescription",
    ]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.this.partition}:iam::${data.aws_caller_identity.this.account_id}:root"]
    }
  }

  dynamic "statement" {
    for_each = each.value.services
    content {
      sid       = statement.key
      actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"]
      resources = ["*"]
      principals {
        type        = "Service"
        identifiers = [statement.value]
      }
      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [data.aws_caller_identity.this.account_id]
      }
    }
  }

  dynamic "statement" {
    for_each = length(each.value.services) > 0 ? ["logs"] : []
    content {
      sid       = "Logs"
      actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
      resources = ["*"]
      principals {
        type        = "Service"
        identifiers = ["logs.${data.aws_region.this.region}.amazonaws.com"]
      }
      condition {
        test     = "ArnLike"
        variable = "kms:EncryptionContext:aws:logs:arn"
        values   = ["arn:${data.aws_partition.this.partition}:logs:${data.aws_region.this.region}:${data.aws_caller_identity.this.account_id}:log-group:/aws/*/${local.prefix}*"]
      }
    }
  }
}
