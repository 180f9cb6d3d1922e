resource "aws_security_group" "this" {
  name        = "${var.name}-cache"
  description = "Price cache: reached by the functions alone, reaches nothing"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  security_group_id            = aws_security_group.this.id
  description                  = "Functions that read or write prices"
  referenced_security_group_id = var.client_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6379
}

resource "aws_vpc_security_group_egress_rule" "clients" {
  security_group_id            = var.client_security_group_id
  description                  = "Price cache"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6379
}
