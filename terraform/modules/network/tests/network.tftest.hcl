mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name       = "pricestream-test"
  gateways   = { dynamodb = { actions = ["dynamodb:GetItem"], resources = ["arn:aws:dynamodb:eu-west-1:123456789012:table/prices"] } }
  interfaces = { sqs = { actions = ["sqs:SendMessage"], resources = ["arn:aws:sqs:eu-west-1:123456789012:work"] } }
}

run "private_subnets_reach_the_services_and_nothing_else" {
  assert {
    condition     = { for zone, s in aws_subnet.private : zone => s.cidr_block } == { eu-west-1a = "10.40.0.0/23", eu-west-1b = "10.40.2.0/23" }
    error_message = "A subnet in each of two zones."
  }
  assert {
    condition     = aws_vpc_endpoint.gateway["dynamodb"].vpc_endpoint_type == "Gateway" && aws_vpc_endpoint.gateway["dynamodb"].route_table_ids == toset([aws_route_table.private.id])
    error_message = "DynamoDB is reached through a route."
  }
  assert {
    condition     = aws_vpc_endpoint.interface["sqs"].vpc_endpoint_type == "Interface" && aws_vpc_endpoint.interface["sqs"].private_dns_enabled && length(aws_vpc_endpoint.interface["sqs"].subnet_ids) == 2
    error_message = "SQS is reached by its own name, in each zone."
  }
  assert {
    condition     = data.aws_iam_policy_document.endpoint["sqs"].statement[0].resources == toset(var.interfaces.sqs.resources) && data.aws_iam_policy_document.endpoint["sqs"].statement[0].actions == toset(var.interfaces.sqs.actions)
    error_message = "An endpoint leads to our own queues only."
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.endpoints.referenced_security_group_id == aws_security_group.functions.id && aws_vpc_security_group_ingress_rule.endpoints.from_port == 443
    error_message = "Only functions reach the endpoints."
  }
  assert {
    condition     = length(aws_default_security_group.closed.ingress) == 0 && length(aws_default_security_group.closed.egress) == 0
    error_message = "The default group lets nothing through."
  }
  assert {
    condition     = aws_flow_log.refused.traffic_type == "REJECT"
    error_message = "Refused connections are logged."
  }
}

run "three_zones_without_endpoints" {
  variables {
    zones      = 3
    gateways   = {}
    interfaces = {}
  }
  assert {
    condition     = length(output.subnet_ids) == 3 && length(aws_vpc_endpoint.interface) == 0 && length(aws_vpc_security_group_egress_rule.gateways) == 0
    error_message = "A zone more, and nothing that was not asked for."
  }
}

run "a_bad_name_is_refused" {
  command = plan
  variables {
    name = "Net"
  }
  expect_failures = [var.name]
}

run "addresses_too_few_are_refused" {
  command = plan
  variables {
    cidr = "10.0.0.0/28"
  }
  expect_failures = [var.cidr]
}

run "what_is_no_range_is_refused" {
  command = plan
  variables {
    cidr = "10.0.0.0"
  }
  expect_failures = [var.cidr]
}

run "a_single_zone_is_refused" {
  command = plan
  variables {
    zones = 1
  }
  expect_failures = [var.zones]
}

run "a_gateway_to_sqs_is_refused" {
  command = plan
  variables {
    gateways = { sqs = { actions = ["sqs:SendMessage"], resources = ["arn:aws:sqs:eu-west-1:123456789012:work"] } }
  }
  expect_failures = [var.gateways]
}

run "a_full_service_name_is_refused" {
  command = plan
  variables {
    interfaces = { "com.amazonaws.eu-west-1.SQS" = { actions = ["sqs:SendMessage"], resources = ["arn:aws:sqs:eu-west-1:123456789012:work"] } }
  }
  expect_failures = [var.interfaces]
}

run "a_month_of_31_days_is_refused" {
  command = plan
  variables {
    log_retention_days = 31
  }
  expect_failures = [var.log_retention_days]
}
