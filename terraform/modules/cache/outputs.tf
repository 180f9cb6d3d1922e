output "url" {
  description = "Where clients connect."
  value       = "rediss://${aws_elasticache_replication_group.this.primary_endpoint_address}:6379"
}

output "name" {
  description = "Name of the replication group, which a client signs to log in."
  value       = aws_elasticache_replication_group.this.replication_group_id
}

output "arn" {
  description = "ARN of the replication group."
  value       = aws_elasticache_replication_group.this.arn
}

output "users" {
  description = "The users `reader` and `writer`: the name to log in with, and the ARN to grant."
  value       = { for role, user in aws_elasticache_user.this : role => { name = user.user_name, arn = user.arn } }
}

output "node_ids" {
  description = "Names of the nodes, as metrics know them."
  value       = [for node in range(var.nodes) : format("%s-%03d", var.name, node + 1)]
}
