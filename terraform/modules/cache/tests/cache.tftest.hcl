mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name                     = "pricestream-test"
  vpc_id                   = "vpc-1"
  subnet_ids               = ["subnet-1", "subnet-2"]
  client_security_group_id = "sg-clients"
}

run "encrypted_with_users_and_a_replica_that_takes_over" {
  assert {
    condition = alltrue([
      aws_elasticache_replication_group.this.engine == "valkey", aws_elasticache_replication_group.this.transit_encryption_enabled,
      aws_elasticache_replication_group.this.transit_encryption_mode == "required", aws_elasticache_replication_group.this.at_rest_encryption_enabled == "true",
    ])
    error_message = "Connections and disks are encrypted."
  }
  assert {
    condition     = aws_elasticache_replication_group.this.num_cache_clusters == 2 && aws_elasticache_replication_group.this.automatic_failover_enabled && aws_elasticache_replication_group.this.multi_az_enabled
    error_message = "A replica in another zone takes over."
  }
  assert {
    condition     = aws_elasticache_replication_group.this.num_node_groups == null || aws_elasticache_replication_group.this.cluster_mode != "enabled"
    error_message = "Cluster mode is off."
  }
  assert {
    condition     = alltrue([for u in aws_elasticache_user.this : u.authentication_mode[0].type == "iam" && u.user_id == u.user_name])
    error_message = "Users log in by IAM, which wants the id to be the name."
  }
  assert {
    condition     = aws_elasticache_user.this["writer"].access_string == "on ~px:* &ch:* -@all +evalsha +eval +script|load +hget +hset +expire +publish"
    error_message = "The writer holds what the compare-and-set needs, and nothing else."
  }
  assert {
    condition     = aws_elasticache_user.this["reader"].access_string == "on %R~px:* -@all +hget +hmget +hgetall +subscribe"
    error_message = "The reader cannot write."
  }
  assert {
    condition     = toset(aws_elasticache_user_group.this.user_ids) == toset(["pricestream-test-reader", "pricestream-test-writer"]) && tolist(aws_elasticache_replication_group.this.user_group_ids) == tolist([aws_elasticache_user_group.this.id])
    error_message = "There are no other users, so none without rules."
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.clients.referenced_security_group_id == "sg-clients" && aws_vpc_security_group_ingress_rule.clients.from_port == 6379 && aws_vpc_security_group_ingress_rule.clients.to_port == 6379
    error_message = "Only the functions reach it, on its port."
  }
  assert {
    condition     = output.url == "rediss://primary.cache.example:6379" && output.node_ids == ["pricestream-test-001", "pricestream-test-002"]
    error_message = "Clients are told an encrypted URL, alarms the nodes."
  }
}

run "a_single_node_has_nobody_to_take_over" {
  variables {
    nodes = 1
  }
  assert {
    condition     = !aws_elasticache_replication_group.this.automatic_failover_enabled && !aws_elasticache_replication_group.this.multi_az_enabled
    error_message = "One node cannot fail over."
  }
}

run "two_hyphens_in_a_row_are_refused" {
  command = plan
  variables {
    name = "price--cache"
  }
  expect_failures = [var.name]
}

run "a_bad_node_type_is_refused" {
  command = plan
  variables {
    node_type = "t4g.small"
  }
  expect_failures = [var.node_type]
}

run "seven_nodes_are_refused" {
  command = plan
  variables {
    nodes = 7
  }
  expect_failures = [var.nodes]
}

run "another_major_version_is_refused" {
  command = plan
  variables {
    engine_version = "7.2"
  }
  expect_failures = [var.engine_version]
}

run "a_bad_window_is_refused" {
  command = plan
  variables {
    maintenance_window = "tuesday"
  }
  expect_failures = [var.maintenance_window]
}
