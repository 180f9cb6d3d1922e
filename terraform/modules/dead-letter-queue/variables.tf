variable "name" {
  description = "Name of the queue."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,80}$", var.name))
    error_message = "A queue's name has 1 to 80 letters, digits, hyphens and underscores."
  }
}

variable "encryption" {
  description = "Key that encrypts the messages; null leaves it to the key that SQS manages."
  type        = object({ key_arn = string })
  nullable    = true
  default     = null
}

variable "senders" {
  description = "AWS services that may send, by statement id: the service principal, and the resource on whose behalf."
  type        = map(object({ service = string, source_arn = string }))
  nullable    = false
  default     = {}
  validation {
    condition     = alltrue([for sid, sender in var.senders : can(regex("^[A-Za-z0-9]+$", sid)) && endswith(sender.service, ".amazonaws.com")])
    error_message = "A sender needs an alphanumeric statement id and a service principal that ends in .amazonaws.com."
  }
}

variable "retention_days" {
  description = "How long a message waits for somebody to look at it."
  type        = number
  nullable    = false
  default     = 14
  validation {
    condition     = var.retention_days >= 1 && var.retention_days <= 14
    error_message = "SQS keeps messages for 1 to 14 days here."
  }
}
