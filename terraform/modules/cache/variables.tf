variable "name" {
  description = "Name of the replication group; part of what a client signs to log in."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,38}[a-z0-9]$", var.name)) && !strcontains(var.name, "--")
    error_message = "The cache is named with 2 to 40 lower-case letters, digits and single hyphens, a letter first."
  }
}

variable "vpc_id" {
  description = "VPC of the cache."
  type        = string
  nullable    = false
}

variable "subnet_ids" {
  description = "Private subnets of the cache, one for each zone."
  type        = list(string)
  nullable    = false
}

variable "client_security_group_id" {
  description = "Security group of those who may connect."
  type        = string
  nullable    = false
}

variable "node_type" {
  description = "Size of a node."
  type        = string
  nullable    = false
  default     = "cache.t4g.small"
  validation {
    condition     = can(regex("^cache\\.[a-z0-9]+\\.[a-z0-9]+$", var.node_type))
    error_message = "A node type looks like cache.t4g.small."
  }
}

variable "nodes" {
  description = "Primary and replicas; from 2 on, a replica takes over when the primary fails."
  type        = number
  nullable    = false
  default     = 2
  validation {
    condition     = var.nodes >= 1 && var.nodes <= 6
    error_message = "A replication group has 1 to 6 nodes."
  }
}

variable "engine_version" {
  description = "Version of Valkey."
  type        = string
  nullable    = false
  default     = "8.1"
  validation {
    condition     = can(regex("^8\\.[0-9]+$", var.engine_version))
    error_message = "The parameter group is one of Valkey 8."
  }
}

variable "maintenance_window" {
  description = "When AWS may restart nodes, in UTC."
  type        = string
  nullable    = false
  default     = "tue:03:00-tue:04:00"
  validation {
    condition     = can(regex("^(mon|tue|wed|thu|fri|sat|sun):[0-2][0-9]:[0-5][0-9]-(mon|tue|wed|thu|fri|sat|sun):[0-2][0-9]:[0-5][0-9]$", var.maintenance_window))
    error_message = "A window looks like tue:03:00-tue:04:00."
  }
}

variable "encryption" {
  description = "Key that encrypts what a node writes to disk; null leaves it to the key of ElastiCache."
  type        = object({ key_arn = string })
  nullable    = true
  default     = null
}
