mock_provider "aws" {
  source = "../../mocks"
}

variables {
  prefix = "pricestream-test"
  tables = {
    prices = {
      partition_key = { name = "sku" }
      indexes       = { due = { partition_key = { name = "due_shard" }, sort_key = { name = "due_at", type = "N" }, projection = "KEYS_ONLY" } }
      stream        = "NEW_IMAGE"
    }
    usage = { partition_key = { name = "name" }, sort_key = { name = "part" }, ttl_attribute = "forget_at" }
  }
}

run "keys_indexes_stream_and_expiry_are_as_asked" {
  assert {
    condition     = { for a in aws_dynamodb_table.this["prices"].attribute : a.name => a.type } == { sku = "S", due_shard = "S", due_at = "N" }
    error_message = "The attributes are those of the keys."
  }
  assert {
    condition     = one(aws_dynamodb_table.this["prices"].global_secondary_index).name == "due" && one(aws_dynamodb_table.this["prices"].global_secondary_index).projection_type == "KEYS_ONLY"
    error_message = "The index is as asked."
  }
  assert {
    condition     = aws_dynamodb_table.this["prices"].stream_enabled && aws_dynamodb_table.this["prices"].stream_view_type == "NEW_IMAGE" && keys(output.stream_arns) == ["prices"]
    error_message = "The table has its stream, the other has none."
  }
  assert {
    condition     = aws_dynamodb_table.this["usage"].ttl[0].attribute_name == "forget_at" && aws_dynamodb_table.this["usage"].range_key == "part" && aws_dynamodb_table.this["prices"].range_key == null
    error_message = "Expiry and sort key are as asked."
  }
  assert {
    condition     = alltrue([for t in aws_dynamodb_table.this : t.billing_mode == "PAY_PER_REQUEST" && t.deletion_protection_enabled && t.point_in_time_recovery[0].enabled])
    error_message = "Tables are protected and can be restored unless told otherwise."
  }
  assert {
    condition     = output.names == { prices = "pricestream-test-prices", usage = "pricestream-test-usage" } && output.index_arns.prices.due == "${output.arns.prices}/index/due"
    error_message = "Names and ARNs are told."
  }
}

run "protections_can_be_taken_off_and_a_key_given" {
  variables {
    point_in_time_recovery = false
    deletion_protection    = false
    encryption             = { key_arn = "arn:aws:kms:eu-west-1:123456789012:key/k" }
  }
  assert {
    condition     = alltrue([for t in aws_dynamodb_table.this : !t.deletion_protection_enabled && !t.point_in_time_recovery[0].enabled && t.server_side_encryption[0].kms_key_arn == var.encryption.key_arn])
    error_message = "Each table follows the variables."
  }
}

run "a_bad_prefix_is_refused" {
  command = plan
  variables {
    prefix = "Prices_"
  }
  expect_failures = [var.prefix]
}

run "an_unknown_type_of_key_is_refused" {
  command = plan
  variables {
    tables = { prices = { partition_key = { name = "sku", type = "STRING" } } }
  }
  expect_failures = [var.tables]
}

run "an_index_with_a_short_name_is_refused" {
  command = plan
  variables {
    tables = { prices = { partition_key = { name = "sku" }, indexes = { by = { partition_key = { name = "a" }, sort_key = { name = "b" }, projection = "ALL" } } } }
  }
  expect_failures = [var.tables]
}

run "a_misspelt_stream_is_refused" {
  command = plan
  variables {
    tables = { prices = { partition_key = { name = "sku" }, stream = "NEW_IMAGES" } }
  }
  expect_failures = [var.tables]
}
