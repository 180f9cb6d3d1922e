locals {
  # Each key once, whatever uses it: DynamoDB wants the attributes of all keys, and no others.
  attributes = { for name, table in var.tables : name => {
    for key in distinct(concat(
      [table.partition_key], table.sort_key == null ? [] : [table.sort_key],
      flatten([for index in values(table.indexes) : [index.partition_key, index.sort_key]]),
    )) : key.name => key.type
  } }
}

resource "aws_dynamodb_table" "this" {
  #checkov:skip=CKV_AWS_28: recovery is a variable, on by default; the stack refuses a production without it.
  #checkov:skip=CKV_AWS_119: the key is a variable; the stack gives one unless encryption is switched off for an emulator.
  for_each                    = var.tables
  name                        = "${var.prefix}-${each.key}"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = each.value.partition_key.name
  range_key                   = try(each.value.sort_key.name, null)
  stream_enabled              = each.value.stream != null
  stream_view_type            = each.value.stream
  deletion_protection_enabled = var.deletion_protection

  dynamic "attribute" {
    for_each = local.attributes[each.key]
    content {
      name = attribute.key
      type = attribute.value
    }
  }

  dynamic "global_secondary_index" {
    for_each = each.value.indexes
    content {
      name            = global_secondary_index.key
      hash_key        = global_secondary_index.value.partition_key.name
      range_key       = global_secondary_index.value.sort_key.name
      projection_type = global_secondary_index.value.projection
    }
  }

  dynamic "ttl" {
    for_each = each.value.ttl_attribute == null ? [] : [each.value.ttl_attribute]
    content {
      attribute_name = ttl.value
      enabled        = true
    }
  }

  point_in_time_recovery {
    enabled = var.point_in_time_recovery
  }

  server_side_encryption {
    enabled     = var.encryption != null
    kms_key_arn = try(var.encryption.key_arn, null)
  }
}
