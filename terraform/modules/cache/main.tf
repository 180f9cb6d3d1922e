# Cluster mode is off: one script call carries the prices of many SKUs, whose keys would lie in different slots.
resource "aws_elasticache_replication_group" "this" {
  #checkov:skip=CKV2_AWS_50: failover is on from two nodes on; a single node, for development, has nobody to take over.
  replication_group_id = var.name
  description          = "Current prices"
  engine               = "valkey"
  engine_version       = var.engine_version
  node_type            = var.node_type
  port                 = 6379

  num_cache_clusters         = var.nodes
  automatic_failover_enabled = var.nodes > 1
  multi_az_enabled           = var.nodes > 1

  parameter_group_name = aws_elasticache_parameter_group.this.name
  subnet_group_name    = aws_elasticache_subnet_group.this.name
  security_group_ids   = [aws_security_group.this.id]
  user_group_ids       = [aws_elasticache_user_group.this.id]

  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  at_rest_encryption_enabled = true
  kms_key_id                 = try(var.encryption.key_arn, null)

  snapshot_retention_limit   = 0
  maintenance_window         = var.maintenance_window
  auto_minor_version_upgrade = true
}

resource "aws_elasticache_parameter_group" "this" {
  name        = var.name
  description = "Prices have an end: when memory runs out, those nearest to it go first"
  family      = "valkey8"
  parameter {
    name  = "maxmemory-policy"
    value = "volatile-ttl"
  }
}

resource "aws_elasticache_subnet_group" "this" {
  name        = var.name
  description = "Private subnets of the price cache"
  subnet_ids  = var.subnet_ids
}
