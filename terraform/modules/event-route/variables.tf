variable "name" {
  description = "Name of the rule and the queue; the dead-letter queue is named after it."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,59}$", var.name))
    error_message = "A route is named with 3 to 60 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "bus_name" {
  description = "Bus that the events come from."
  type        = string
  nullable    = false
}

variable "pattern" {
  description = "Event pattern, as JSON: which events go into the queue."
  type        = string
  nullable    = false
  validation {
    condition     = can(length(jsondecode(var.pattern).source) > 0 && length(jsondecode(var.pattern)["detail-type"]) > 0)
    error_message = "The pattern is a JSON object that names the sources and the detail types it takes."
  }
}

variable "visibility_timeout" {
  description = "Seconds for which a received message is hidden: six times the timeout of the function that reads the queue."
  type        = number
  nullable    = false
  validation {
    condition     = var.visibility_timeout >= 6 && var.visibility_timeout <= 43200
    error_message = "A message is hidden for 6 to 43200 seconds."
  }
}

variable "maximum_receives" {
  description = "How often a message is received before it goes to the dead-letter queue."
  type        = number
  nullable    = false
  default     = 5
  validation {
    condition     = var.maximum_receives >= 2 && var.maximum_receives <= 100
    error_message = "A message is received 2 to 100 times: one failure alone sets nothing aside."
  }
}

variable "retention_days" {
  description = "How long a message waits in the queue for its reader."
  type        = number
  nullable    = false
  default     = 4
  validation {
    condition     = var.retention_days >= 1 && var.retention_days < 14
    error_message = "The queue keeps messages for 1 to 13 days, less than its dead-letter queue."
  }
}

variable "delivery" {
  description = "How long the bus tries to hand an event over to the queue before it goes to the dead-letter queue."
  type = object({
    maximum_attempts = optional(number, 24)
    maximum_age      = optional(number, 3600)
  })
  nullable = false
  default  = {}
  validation {
    condition     = var.delivery.maximum_attempts >= 0 && var.delivery.maximum_attempts <= 185
    error_message = "EventBridge retries 0 to 185 times."
  }
  validation {
    condition     = var.delivery.maximum_age >= 60 && var.delivery.maximum_age <= 86400
    error_message = "EventBridge retries for 60 to 86400 seconds."
  }
}

variable "encryption" {
  description = "Key that encrypts the messages; null leaves it to the key that SQS manages."
  type        = object({ key_arn = string })
  nullable    = true
  default     = null
}
