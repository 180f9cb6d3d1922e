variable "name" {
  description = "Name of the topic."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,59}$", var.name))
    error_message = "The topic is named with 3 to 60 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "subscriptions" {
  description = "Who is told, by name: protocol and endpoint."
  type        = map(object({ protocol = string, endpoint = string }))
  nullable    = false
  default     = {}
  validation {
    condition     = alltrue([for s in values(var.subscriptions) : contains(["email", "https", "lambda", "sms", "sqs"], s.protocol)])
    error_message = "Alerts go out by email, https, lambda, sms or sqs."
  }
}

variable "encryption" {
  description = "Key that encrypts alerts at rest; null leaves them unencrypted, which is for emulators."
  type        = object({ key_arn = string })
  nullable    = true
  default     = null
}
