variable "name" {
  description = "Name of the VPC and what belongs to it."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,39}$", var.name))
    error_message = "The network is named with 3 to 40 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "cidr" {
  description = "Addresses of the VPC, a /16 to /22."
  type        = string
  nullable    = false
  default     = "10.40.0.0/20"
  validation {
    condition     = can(cidrhost(var.cidr, 0)) && try(tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 22, false)
    error_message = "The VPC takes an IPv4 range of /16 to /22."
  }
}

variable "zones" {
  description = "How many availability zones have a subnet."
  type        = number
  nullable    = false
  default     = 2
  validation {
    condition     = var.zones >= 2 && var.zones <= 4
    error_message = "The network spans 2 to 4 availability zones."
  }
}

variable "gateways" {
  description = "Services reached through gateway endpoints, which are free, and what may be done there."
  type        = map(object({ actions = list(string), resources = list(string) }))
  nullable    = false
  default     = {}
  validation {
    condition     = alltrue([for service in keys(var.gateways) : contains(["dynamodb", "s3"], service)])
    error_message = "Gateway endpoints are for dynamodb and s3."
  }
}

variable "interfaces" {
  description = "Services reached through interface endpoints, which are paid by the hour and zone, and what may be done there."
  type        = map(object({ actions = list(string), resources = list(string) }))
  nullable    = false
  default     = {}
  validation {
    condition     = alltrue([for service in keys(var.interfaces) : can(regex("^[a-z][a-z0-9.-]+$", service))])
    error_message = "An interface endpoint is for a service by its short name, such as sqs."
  }
}

variable "log_retention_days" {
  description = "How long refused connections are kept."
  type        = number
  nullable    = false
  default     = 30
  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "CloudWatch Logs keeps lines for one of its own numbers of days, such as 7, 30, 90 or 365."
  }
}

variable "encryption" {
  description = "Key that encrypts the log of refused connections; null leaves it to CloudWatch Logs."
  type        = object({ key_arn = string })
  nullable    = true
  default     = null
}
