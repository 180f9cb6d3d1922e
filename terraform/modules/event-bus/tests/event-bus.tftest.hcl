mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name = "pricestream-test"
  publishers = {
    Inventory = { role_arn = "arn:aws:iam::123456789012:role/publisher", sources = ["pricestream.inventory"] }
  }
}

run "only_named_publishers_may_put_events_in_their_own_name" {
  assert {
    condition     = tolist(data.aws_iam_policy_document.this.statement[0].actions) == tolist(["events:PutEvents"]) && one(one(data.aws_iam_policy_document.this.statement[0].principals).identifiers) == var.publishers.Inventory.role_arn
    error_message = "The publisher's role may put events."
  }
  assert {
    condition     = one(data.aws_iam_policy_document.this.statement[0].condition).variable == "events:source" && one(one(data.aws_iam_policy_document.this.statement[0].condition).values) == "pricestream.inventory"
    error_message = "A publisher speaks for its own source."
  }
  assert {
    condition     = aws_cloudwatch_event_archive.this[0].retention_days == 7 && aws_cloudwatch_event_archive.this[0].event_source_arn == aws_cloudwatch_event_bus.this.arn
    error_message = "Events are kept for a week."
  }
  assert {
    condition     = aws_cloudwatch_event_bus.this.dead_letter_config[0].arn == output.undelivered_queue.arn
    error_message = "What the bus cannot handle is kept."
  }
}

run "archive_and_policy_can_be_left_out" {
  variables {
    archive_days = 0
    publishers   = {}
  }
  assert {
    condition     = length(aws_cloudwatch_event_archive.this) == 0 && length(aws_cloudwatch_event_bus_policy.this) == 0
    error_message = "Nothing is made that was not asked for."
  }
}

run "a_key_of_ours_encrypts_bus_and_archive" {
  variables {
    encryption = { key_arn = "arn:aws:kms:eu-west-1:123456789012:key/k" }
  }
  assert {
    condition     = aws_cloudwatch_event_bus.this.kms_key_identifier == var.encryption.key_arn && aws_cloudwatch_event_archive.this[0].kms_key_identifier == var.encryption.key_arn
    error_message = "The key encrypts bus and archive."
  }
}

run "a_bad_name_is_refused" {
  command = plan
  variables {
    name = "Prices"
  }
  expect_failures = [var.name]
}

run "a_publisher_with_a_bad_statement_id_is_refused" {
  command = plan
  variables {
    publishers = { inventory-publisher = { role_arn = "arn:aws:iam::123456789012:role/p", sources = ["pricestream.inventory"] } }
  }
  expect_failures = [var.publishers]
}

run "a_publisher_for_any_source_is_refused" {
  command = plan
  variables {
    publishers = { Any = { role_arn = "arn:aws:iam::123456789012:role/p", sources = ["pricestream.*"] } }
  }
  expect_failures = [var.publishers]
}

run "a_publisher_for_no_source_is_refused" {
  command = plan
  variables {
    publishers = { None = { role_arn = "arn:aws:iam::123456789012:role/p", sources = [] } }
  }
  expect_failures = [var.publishers]
}

run "a_negative_archive_is_refused" {
  command = plan
  variables {
    archive_days = -1
  }
  expect_failures = [var.archive_days]
}
