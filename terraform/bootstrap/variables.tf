variable "region" {
  description = "Region of the state bucket."
  type        = string
  nullable    = false
  default     = "eu-west-1"
  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "A region looks like eu-west-1."
  }
}

variable "repository" {
  description = "Repository whose pipeline may deploy, as OWNER/NAME on GitHub."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", var.repository))
    error_message = "A repository is OWNER/NAME, without wildcards."
  }
}

variable "environments" {
  description = "Environments of the pipeline whose jobs may deploy; protect them with reviewers there."
  type        = set(string)
  nullable    = false
  default     = ["dev", "staging", "prod"]
  validation {
    condition     = length(var.environments) > 0 && alltrue([for e in var.environments : can(regex("^[a-z][a-z0-9]{1,11}$", e))])
    error_message = "At least one environment, each named as a stage is."
  }
}

variable "deploy_policies" {
  description = "AWS policies of the deploying role beside its own: what it may do outside of IAM."
  type        = set(string)
  nullable    = false
  default     = ["arn:aws:iam::aws:policy/PowerUserAccess"]
  validation {
    condition     = alltrue([for arn in var.deploy_policies : can(regex("^arn:[a-z-]+:iam::(aws|[0-9]{12}):policy/.+$", arn)) && !endswith(arn, "/AdministratorAccess")])
    error_message = "A policy is named by its ARN, and AdministratorAccess is too much."
  }
}
