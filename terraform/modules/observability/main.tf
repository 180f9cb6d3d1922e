locals {
  # Percentiles are asked for as queries, so that one argument says what is measured and none excludes another.
  metrics = { for name, alarm in var.alarms : name => merge(
    alarm.metrics,
    try(startswith(alarm.metric.statistic, "p"), false) ? { metric = alarm.metric } : {},
  ) }
  plain = { for name, alarm in var.alarms : name => length(local.metrics[name]) == 0 ? alarm.metric : null }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each          = var.alarms
  alarm_name        = "${var.prefix}-${each.key}"
  alarm_description = "${each.value.description} Runbook: ${var.runbooks}/${each.value.runbook}.md"

  namespace   = try(local.plain[each.key].namespace, null)
  metric_name = try(local.plain[each.key].name, null)
  dimensions  = try(local.plain[each.key].dimensions, null)
  statistic   = try(local.plain[each.key].statistic, null)
  period      = local.plain[each.key] == null ? null : each.value.period

  dynamic "metric_query" {
    for_each = each.value.formula == null ? {} : { formula = each.value.formula }
    content {
      id          = metric_query.key
      expression  = metric_query.value
      label       = each.value.description
      return_data = true
      # A query over all series of a metric needs a period of its own; a formula takes that of its metrics.
      period = length(each.value.metrics) == 0 ? each.value.period : null
    }
  }

  dynamic "metric_query" {
    for_each = local.metrics[each.key]
    content {
      id          = metric_query.key
      return_data = each.value.formula == null
      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.name
        dimensions  = metric_query.value.dimensions
        stat        = metric_query.value.statistic
        period      = each.value.period
      }
    }
  }

  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = coalesce(each.value.datapoints, each.value.periods)
  treat_missing_data  = each.value.missing
  alarm_actions       = [aws_sns_topic.this[each.value.severity].arn]
  ok_actions          = [aws_sns_topic.this[each.value.severity].arn]
}

# One state for each service: for the eye, and for a release that rolls back on it. It tells nobody, its parts do.
resource "aws_cloudwatch_composite_alarm" "this" {
  for_each          = toset(var.service_alarms ? [for alarm in values(var.alarms) : alarm.service] : [])
  alarm_name        = "${var.prefix}-${each.key}"
  alarm_description = "At least one alarm of ${each.key} is on."
  alarm_rule        = join(" OR ", [for name, alarm in var.alarms : "ALARM(\"${aws_cloudwatch_metric_alarm.this[name].alarm_name}\")" if alarm.service == each.key])
}
