mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name = "pricestream-test"
  routes = {
    price-api           = { function_name = "pricestream-test-price-api", alias = { name = "live", invoke_arn = "arn:aws:apigateway:eu-west-1:lambda:path/a" }, route_keys = ["$default"] }
    inventory-publisher = { function_name = "pricestream-test-inventory-publisher", alias = { name = "live", invoke_arn = "arn:aws:apigateway:eu-west-1:lambda:path/b" }, route_keys = ["POST /v1/stock-changes"] }
  }
}

run "each_route_calls_the_alias_of_its_function" {
  assert {
    condition     = { for key, r in aws_apigatewayv2_route.this : key => r.target } == { "$default" = "integrations/${aws_apigatewayv2_integration.this["price-api"].id}", "POST /v1/stock-changes" = "integrations/${aws_apigatewayv2_integration.this["inventory-publisher"].id}" }
    error_message = "Routes lead to their functions."
  }
  assert {
    condition     = alltrue([for name, i in aws_apigatewayv2_integration.this : i.integration_uri == var.routes[name].alias.invoke_arn && i.payload_format_version == "2.0"])
    error_message = "An integration invokes the alias."
  }
  assert {
    condition     = alltrue([for p in aws_lambda_permission.this : p.qualifier == "live" && p.source_arn == "${aws_apigatewayv2_api.this.execution_arn}/*"])
    error_message = "Only this API may call, and only the alias."
  }
  assert {
    condition     = aws_apigatewayv2_stage.default.default_route_settings[0].throttling_rate_limit == 1000 && aws_apigatewayv2_stage.default.access_log_settings[0].destination_arn == aws_cloudwatch_log_group.access.arn
    error_message = "Requests are bounded and logged."
  }
  assert {
    condition     = !strcontains(aws_apigatewayv2_stage.default.access_log_settings[0].format, "authorization") && !strcontains(aws_apigatewayv2_stage.default.access_log_settings[0].format, "querystring")
    error_message = "Neither tokens nor query strings are logged."
  }
  assert {
    condition     = length(aws_apigatewayv2_api.this.cors_configuration) == 0
    error_message = "No page of another origin may call."
  }
}

run "a_page_may_be_let_in" {
  variables {
    cors_origins = ["https://shop.example.com"]
  }
  assert {
    condition     = aws_apigatewayv2_api.this.cors_configuration[0].allow_origins == var.cors_origins
    error_message = "The page of that origin may call."
  }
}

run "a_bad_name_is_refused" {
  command = plan
  variables {
    name = "API"
  }
  expect_failures = [var.name]
}

run "a_route_without_a_method_is_refused" {
  command = plan
  variables {
    routes = { price-api = { function_name = "pricestream-test-price-api", alias = { name = "live", invoke_arn = "arn:aws:apigateway:eu-west-1:lambda:path/a" }, route_keys = ["/v1/prices"] } }
  }
  expect_failures = [var.routes]
}

run "a_route_of_two_functions_is_refused" {
  command = plan
  variables {
    routes = {
      a = { function_name = "pricestream-test-price-api", alias = { name = "live", invoke_arn = "arn:aws:apigateway:eu-west-1:lambda:path/a" }, route_keys = ["$default"] }
      b = { function_name = "pricestream-test-price-api", alias = { name = "live", invoke_arn = "arn:aws:apigateway:eu-west-1:lambda:path/a" }, route_keys = ["$default"] }
    }
  }
  expect_failures = [var.routes]
}

run "a_throttle_of_nothing_is_refused" {
  command = plan
  variables {
    throttle = { rate = 0 }
  }
  expect_failures = [var.throttle]
}

run "any_origin_is_refused" {
  command = plan
  variables {
    cors_origins = ["https://*"]
  }
  expect_failures = [var.cors_origins]
}

run "a_month_of_31_days_is_refused" {
  command = plan
  variables {
    log_retention_days = 31
  }
  expect_failures = [var.log_retention_days]
}
