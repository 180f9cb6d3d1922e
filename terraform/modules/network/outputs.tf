output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}

output "subnet_ids" {
  description = "Private subnets, one for each zone."
  value       = [for subnet in aws_subnet.private : subnet.id]
}

output "functions_security_group_id" {
  description = "Security group for functions."
  value       = aws_security_group.functions.id
}
