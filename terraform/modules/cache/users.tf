locals {
  # Commands inside a script are checked too, so the writer holds those of the compare-and-set. A reader cannot write at all.
  access = {
    writer = "on ~px:* &ch:* -@all +evalsha +eval +script|load +hget +hset +expire +publish"
    reader = "on %R~px:* -@all +hget +hmget +hgetall +subscribe"
  }
}

# There are no passwords: a client signs a token with the role of its function, and the token lives for a quarter of an hour.
resource "aws_elasticache_user" "this" {
  for_each      = local.access
  user_id       = "${var.name}-${each.key}"
  user_name     = "${var.name}-${each.key}"
  engine        = "valkey"
  access_string = each.value
  authentication_mode {
    type = "iam"
  }
}

resource "aws_elasticache_user_group" "this" {
  user_group_id = var.name
  engine        = "valkey"
  user_ids      = [for user in aws_elasticache_user.this : user.user_id]
}
