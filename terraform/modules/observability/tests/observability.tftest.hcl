mock_provider "aws" {
  source = "../../mocks"
}

variables {
  prefix = "pricestream-test"
  alarms = {
    freshness = {
      description = "Prices are late.", service = "cache-writer", severity = "page", runbook = "freshness", threshold = 1, periods = 3
      metric      = { namespace = "pricestream", name = "freshness", dimensions = { service = "cache-writer" }, statistic = "p99" }
    }
    dead-letters = {
      description = "Messages wait.", service = "cache-writer", severity = "ticket", runbook = "dead-letters", threshold = 0
      metric      = { namespace = "AWS/SQS", name = "ApproximateNumberOfMessagesVisible", dimensions = { QueueName = "dlq" }, statistic = "Maximum" }
    }
    share = {
      description = "Too few.", service = "price-api", severity = "ticket", runbook = "fast-path", threshold = 80, comparison = "LessThanThreshold", period = 300
      formula     = "100 * a / (a + b)"
      metrics     = { for id in ["a", "b"] : id => { namespace = "pricestream", name = "writes", dimensions = { path = id }, statistic = "Sum" } }
    }
    any = {
      description = "Some.", service = "price-api", severity = "ticket", runbook = "quote-risks", threshold = 0
      formula     = "SELECT SUM(risks) FROM SCHEMA(\"pricestream\", service)"
    }
  }
}

override_resource {
  target = aws_sns_topic.this["page"]
  values = { arn = "arn:aws:sns:eu-west-1:123456789012:page" }
}
override_resource {
  target = aws_sns_topic.this["ticket"]
  values = { arn = "arn:aws:sns:eu-west-1:123456789012:ticket" }
}

run "an_alarm_says_whom_it_tells_and_what_to_do" {
  assert {
    condition     = { for name, a in aws_cloudwatch_metric_alarm.this : name => one(a.alarm_actions) } == { freshness = output.topic_arns.page, dead-letters = output.topic_arns.ticket, share = output.topic_arns.ticket, any = output.topic_arns.ticket }
    error_message = "The severity chooses the topic."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["freshness"].alarm_description == "Prices are late. Runbook: docs/runbooks/freshness.md"
    error_message = "The description links the runbook."
  }
  assert {
    condition     = one(one(aws_cloudwatch_metric_alarm.this["freshness"].metric_query).metric).stat == "p99" && one(aws_cloudwatch_metric_alarm.this["freshness"].metric_query).return_data
    error_message = "A percentile is asked for as a query."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["dead-letters"].metric_name == "ApproximateNumberOfMessagesVisible" && aws_cloudwatch_metric_alarm.this["dead-letters"].dimensions.QueueName == "dlq" && length(aws_cloudwatch_metric_alarm.this["dead-letters"].metric_query) == 0
    error_message = "A plain statistic is asked for as it is."
  }
  assert {
    condition     = { for q in aws_cloudwatch_metric_alarm.this["share"].metric_query : q.id => q.return_data } == { formula = true, a = false, b = false }
    error_message = "A formula is what counts, its metrics are not."
  }
  assert {
    condition     = one(aws_cloudwatch_metric_alarm.this["any"].metric_query).period == 60
    error_message = "A query over all series has a period of its own."
  }
  assert {
    condition     = aws_cloudwatch_composite_alarm.this["cache-writer"].alarm_rule == "ALARM(\"pricestream-test-dead-letters\") OR ALARM(\"pricestream-test-freshness\")"
    error_message = "A service's alarm sums up its others."
  }
  assert {
    condition     = length(aws_cloudwatch_dashboard.this) == 0 && length(aws_budgets_budget.this) == 0 && length(aws_sns_topic_subscription.email) == 0
    error_message = "Nothing is made that was not asked for."
  }
}

run "everything_there_is" {
  variables {
    service_alarms = false
    emails         = { page = ["oncall@example.com"], ticket = ["team@example.com", "oncall@example.com"] }
    budget         = { monthly_usd = 250, service = "pricestream", emails = ["team@example.com"] }
    encryption     = { key_arn = "arn:aws:kms:eu-west-1:123456789012:key/k" }
    dashboard = [
      { title = "First", widgets = [
        { title = "one", metrics = [{ namespace = "pricestream", name = "freshness", dimensions = { service = "cache-writer" }, statistic = "p99", label = "p99" }] },
        { title = "two", metrics = [{ namespace = "pricestream", name = "writes", statistic = "Sum", id = "w", visible = false }], formulas = { rate = "w / 60" } },
      ] },
      { title = "Second", widgets = [{ title = "three", metrics = [] }] },
    ]
  }
  assert {
    condition     = length(aws_cloudwatch_composite_alarm.this) == 0 && length(aws_sns_topic_subscription.email) == 3
    error_message = "Each address of each severity is written to."
  }
  assert {
    condition     = [for w in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : [w.x, w.y, w.width, w.height]] == [[0, 0, 24, 1], [0, 1, 12, 6], [12, 1, 12, 6], [0, 7, 24, 1], [0, 8, 24, 6]]
    error_message = "Rows lie below each other, widgets beside each other."
  }
  assert {
    condition     = jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets[1].properties.metrics == [["pricestream", "freshness", "service", "cache-writer", { stat = "p99", visible = true, label = "p99" }]]
    error_message = "A widget draws its metrics."
  }
  assert {
    condition     = jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets[2].properties.metrics[0] == [{ expression = "w / 60", id = "rate", label = "rate" }]
    error_message = "A widget draws its formulas."
  }
  assert {
    condition     = aws_budgets_budget.this[0].limit_amount == "250.0" && one(one(aws_budgets_budget.this[0].cost_filter).values) == "user:service$pricestream" && length(aws_budgets_budget.this[0].notification) == 2
    error_message = "The budget counts what is tagged, and warns twice."
  }
  assert {
    condition     = alltrue([for t in aws_sns_topic.this : t.kms_master_key_id == var.encryption.key_arn])
    error_message = "The key encrypts the topics."
  }
}

run "a_bad_prefix_is_refused" {
  command = plan
  variables {
    prefix = "Prices"
  }
  expect_failures = [var.prefix]
}

run "an_unknown_severity_is_refused" {
  command = plan
  variables {
    alarms = { freshness = { description = "Slow.", service = "cache-writer", severity = "critical", runbook = "freshness", threshold = 1, metric = { namespace = "pricestream", name = "freshness", statistic = "p99" } } }
  }
  expect_failures = [var.alarms]
}

run "an_alarm_on_nothing_is_refused" {
  command = plan
  variables {
    alarms = { freshness = { description = "Slow.", service = "cache-writer", severity = "page", runbook = "freshness", threshold = 1 } }
  }
  expect_failures = [var.alarms]
}

run "more_datapoints_than_periods_are_refused" {
  command = plan
  variables {
    alarms = { freshness = { description = "Slow.", service = "cache-writer", severity = "page", runbook = "freshness", threshold = 1, metric = { namespace = "pricestream", name = "freshness", statistic = "p99" }, periods = 1, datapoints = 2 } }
  }
  expect_failures = [var.alarms]
}

run "misspelt_silence_is_refused" {
  command = plan
  variables {
    alarms = { freshness = { description = "Slow.", service = "cache-writer", severity = "page", runbook = "freshness", threshold = 1, metric = { namespace = "pricestream", name = "freshness", statistic = "p99" }, missing = "bad" } }
  }
  expect_failures = [var.alarms]
}

run "an_alarm_without_a_runbook_is_refused" {
  command = plan
  variables {
    alarms = { freshness = { description = "Slow.", service = "cache-writer", severity = "page", runbook = "", threshold = 1, metric = { namespace = "pricestream", name = "freshness", statistic = "p99" } } }
  }
  expect_failures = [var.alarms]
}

run "a_place_with_a_slash_at_its_end_is_refused" {
  command = plan
  variables {
    runbooks = "docs/runbooks/"
  }
  expect_failures = [var.runbooks]
}

run "a_bad_address_is_refused" {
  command = plan
  variables {
    emails = { page = ["nobody"] }
  }
  expect_failures = [var.emails]
}

run "five_widgets_in_a_row_are_refused" {
  command = plan
  variables {
    dashboard = [{ title = "Row", widgets = [for n in range(5) : { title = "w", metrics = [] }] }]
  }
  expect_failures = [var.dashboard]
}

run "a_budget_that_tells_nobody_is_refused" {
  command = plan
  variables {
    budget = { monthly_usd = 100, service = "pricestream", emails = [] }
  }
  expect_failures = [var.budget]
}
