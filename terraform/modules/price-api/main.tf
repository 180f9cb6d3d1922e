resource "aws_apigatewayv2_api" "this" {
  name          = var.name
  description   = "Prices, quotes, stock changes and administration"
  protocol_type = "HTTP"

  dynamic "cors_configuration" {
    for_each = length(var.cors_origins) > 0 ? [var.cors_origins] : []
    content {
      allow_origins = cors_configuration.value
      allow_methods = ["GET", "POST", "PUT", "DELETE"]
      allow_headers = ["authorization", "content-type"]
      max_age       = 3600
    }
  }
}

resource "aws_apigatewayv2_integration" "this" {
  for_each               = var.routes
  api_id                 = aws_apigatewayv2_api.this.id
  integration_type       = "AWS_PROXY"
  integration_method     = "POST"
  integration_uri        = each.value.alias.invoke_arn
  payload_format_version = "2.0"
  timeout_milliseconds   = 29000
}

locals {
  routes = merge([for function, route in var.routes : { for key in route.route_keys : key => function }]...)
}

resource "aws_apigatewayv2_route" "this" {
  #checkov:skip=CKV_AWS_309: prices are public; the functions themselves ask for a token where one is needed.
  for_each  = local.routes
  api_id    = aws_apigatewayv2_api.this.id
  route_key = each.key
  target    = "integrations/${aws_apigatewayv2_integration.this[each.value].id}"
}

resource "aws_apigatewayv2_stage" "default" {
  api_id      = aws_apigatewayv2_api.this.id
  name        = "$default"
  auto_deploy = true

  default_route_settings {
    throttling_rate_limit    = var.throttle.rate
    throttling_burst_limit   = var.throttle.burst
    detailed_metrics_enabled = true
  }

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    # No query strings and no headers: tokens and coupons stay out of the log.
    format = jsonencode({
      time         = "$context.requestTime"
      request      = "$context.requestId"
      route        = "$context.routeKey"
      status       = "$context.status"
      latency_ms   = "$context.responseLatency"
      function_ms  = "$context.integrationLatency"
      bytes        = "$context.responseLength"
      problem      = "$context.error.message"
      function_err = "$context.integrationErrorMessage"
    })
  }
}

resource "aws_cloudwatch_log_group" "access" {
  #checkov:skip=CKV_AWS_338: how long is a setting; what has to be kept for years, the history of prices, is a table.
  name              = "/aws/apigateway/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = try(var.encryption.key_arn, null)
}

resource "aws_lambda_permission" "this" {
  for_each      = var.routes
  statement_id  = var.name
  action        = "lambda:InvokeFunction"
  principal     = "apigateway.amazonaws.com"
  function_name = each.value.function_name
  qualifier     = each.value.alias.name
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/*" # every stage and route of this API
}
