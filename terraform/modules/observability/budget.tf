resource "aws_budgets_budget" "this" {
  count       = var.budget == null ? 0 : 1
  name        = var.prefix
  budget_type = "COST"
  time_unit   = "MONTHLY"
  # Any day in the past; left out, each plan would set it to the month in which it runs.
  time_period_start = "2026-01-01_00:00"

  limit_unit   = "USD"
  limit_amount = format("%.1f", var.budget.monthly_usd)

  cost_filter {
    name   = "TagKeyValue"
    values = [format("user:service$%s", var.budget.service)]
  }
  notification {
    notification_type          = "ACTUAL"
    comparison_operator        = "GREATER_THAN"
    threshold_type             = "PERCENTAGE"
    threshold                  = 80
    subscriber_email_addresses = var.budget.emails
  }
  notification {
    notification_type          = "FORECASTED"
    comparison_operator        = "GREATER_THAN"
    threshold_type             = "PERCENTAGE"
    threshold                  = 100
    subscriber_email_addresses = var.budget.emails
  }
}
