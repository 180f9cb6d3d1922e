locals {
  height = 6
  widgets = flatten([for y, row in var.dashboard : concat(
    [{
      type       = "text", x = 0, y = y * (local.height + 1), width = 24, height = 1
      properties = { markdown = "## ${row.title}" }
    }],
    [for x, widget in row.widgets : {
      type   = "metric"
      x      = x * 24 / length(row.widgets), y = y * (local.height + 1) + 1
      width  = 24 / length(row.widgets)
      height = local.height
      properties = {
        title  = widget.title
        region = data.aws_region.this.region
        view   = "timeSeries"
        period = 60
        metrics = concat(
          [for id, formula in widget.formulas : [{ expression = formula, id = id, label = id }]],
          [for metric in widget.metrics : concat(
            [metric.namespace, metric.name],
            flatten([for name, value in metric.dimensions : [name, value]]),
            [merge(
              { stat = metric.statistic, visible = metric.visible },
              metric.label == null ? {} : { label = metric.label },
              metric.id == null ? {} : { id = metric.id },
            )],
          )],
        )
      }
    }],
  )])
}

resource "aws_cloudwatch_dashboard" "this" {
  count          = length(var.dashboard) > 0 ? 1 : 0
  dashboard_name = var.prefix
  dashboard_body = jsonencode({ widgets = local.widgets })
}
