data "aws_availability_zones" "this" {
  #checkov:skip=CKV_AWS_394: the first zones by name are taken, so that a new one changes nothing.
  state = "available"
}

data "aws_region" "this" {}

locals {
  zones = slice(sort(data.aws_availability_zones.this.names), 0, var.zones)
}

# No internet gateway and no NAT: nothing here reaches the internet, or is reached from it.
resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = { Name = var.name }
}

resource "aws_subnet" "private" {
  for_each          = { for index, zone in local.zones : zone => index }
  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.cidr, 3, each.value)
  tags              = { Name = "${var.name}-private-${each.key}" }
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.name}-private" }
}

resource "aws_route_table_association" "private" {
  for_each       = aws_subnet.private
  subnet_id      = each.value.id
  route_table_id = aws_route_table.private.id
}

# Whatever is put into the VPC without a group of its own can reach nothing.
resource "aws_default_security_group" "closed" {
  vpc_id = aws_vpc.this.id
}

resource "aws_security_group" "functions" {
  #checkov:skip=CKV2_AWS_5: functions are put into it by another module.
  name        = "${var.name}-functions"
  description = "Functions: reach the endpoints and the cache, are reached by nothing"
  vpc_id      = aws_vpc.this.id
}
