mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name = "pricestream-test-low-stock"
}

run "nobody_is_told_unless_named" {
  assert {
    condition     = length(aws_sns_topic_subscription.this) == 0 && output.undelivered_queue.name == "pricestream-test-low-stock-undelivered"
    error_message = "A topic, a queue for what is not delivered, no subscriber."
  }
  assert {
    condition     = [for s in data.aws_iam_policy_document.this.statement : s.effect if s.sid == "OnlyEncryptedConnections"] == ["Deny"]
    error_message = "Connections that are not encrypted are refused."
  }
}

run "what_a_subscriber_does_not_take_is_kept" {
  variables {
    subscriptions = { buyer = { protocol = "https", endpoint = "https://example.com/alerts" } }
    encryption    = { key_arn = "arn:aws:kms:eu-west-1:123456789012:key/k" }
  }
  assert {
    condition     = jsondecode(aws_sns_topic_subscription.this["buyer"].redrive_policy).deadLetterTargetArn == output.undelivered_queue.arn
    error_message = "The subscription has a dead-letter queue."
  }
  assert {
    condition     = aws_sns_topic.this.kms_master_key_id == var.encryption.key_arn
    error_message = "The key encrypts the topic."
  }
}

run "a_bad_name_is_refused" {
  command = plan
  variables {
    name = "Low stock"
  }
  expect_failures = [var.name]
}

run "an_unknown_protocol_is_refused" {
  command = plan
  variables {
    subscriptions = { buyer = { protocol = "http", endpoint = "http://example.com" } }
  }
  expect_failures = [var.subscriptions]
}
