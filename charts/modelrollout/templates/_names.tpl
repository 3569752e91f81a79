{{- define "modelrollout.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "modelrollout.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "modelrollout.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "modelrollout.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "modelrollout.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "modelrollout.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name must name an existing account when serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "modelrollout.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "modelrollout.selectorLabels" -}}
app.kubernetes.io/name: {{ include "modelrollout.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "modelrollout.labels" -}}
{{ include "modelrollout.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* The ConfigMap that freezes: no other one is listed or watched. */}}
{{- define "modelrollout.freezeRule" -}}
- apiGroups: [""]
  resources: [configmaps]
  resourceNames: [modelrollout-freeze]
  verbs: [list, watch]
{{- end -}}

{{/* Templates of metrics for all namespaces, which no Role can grant. */}}
{{- define "modelrollout.clusterTemplateRule" -}}
- apiGroups: [modelrollout.io]
  resources: [clustermetrictemplates]
  verbs: [list, watch]
{{- end -}}

{{/* What the operator does in the namespaces that it serves: exactly the verbs its code uses. */}}
{{- define "modelrollout.rules" -}}
- apiGroups: [modelrollout.io]
  resources: [modelrollouts]
  verbs: [get, list, watch]
- apiGroups: [modelrollout.io]
  resources: [modelrollouts/status]
  verbs: [patch]
- apiGroups: [modelrollout.io]
  resources: [modelrolloutcommands]
  verbs: [list, watch, delete]
# Watched only while a rollout refers to one.
- apiGroups: [modelrollout.io]
  resources: [metrictemplates]
  verbs: [list, watch]
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes, grpcroutes]
  verbs: [get, list, watch, create, patch]
# Without Istio these grant nothing.
- apiGroups: [networking.istio.io]
  resources: [virtualservices]
  verbs: [list, watch{{ if .Values.rbac.istio }}, get, patch{{ end }}]
{{- if .Values.rbac.stickyUsers }}
# Watched only where a rollout keeps users on one version. None is deleted: the garbage collector takes the operator's own.
- apiGroups: [gateway.envoyproxy.io]
  resources: [backendtrafficpolicies]
  verbs: [list, watch, create, patch]
{{- end }}
- apiGroups: [apps]
  resources: [deployments, statefulsets]
  verbs: [list, watch]
{{- range .Values.customWorkloads }}
- apiGroups: [{{ .group }}]
  resources: [{{ .resource }}]
  verbs: [list, watch]
{{- end }}
{{- if .Values.rbac.inferenceServices }}
- apiGroups: [serving.kserve.io]
  resources: [inferenceservices]
  verbs: [list, watch]
{{- end }}
{{- if .Values.rbac.scale }}
# Replicas are set through the scale subresource, which gives no right to change anything else of a workload. Autoscalers
# are read so that none of them is fought.
- apiGroups: [apps]
  resources: [deployments/scale, statefulsets/scale]
  verbs: [patch]
{{- range .Values.customWorkloads }}
- apiGroups: [{{ .group }}]
  resources: [{{ .resource }}/scale]
  verbs: [patch]
{{- end }}
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [list, watch]
{{- end }}
- apiGroups: [""]
  resources: [services]
  verbs: [list, watch{{ if .Values.rbac.serviceSwitch }}, get, patch{{ end }}]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
# Restarts and kills of a candidate's containers are looked up on demand; pods are never watched.
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
# The plan of each run, and the record of decisions.
- apiGroups: [apps]
  resources: [controllerrevisions]
  verbs: [get, list, create, delete]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, create, patch]
{{ include "modelrollout.freezeRule" . }}
{{- if .Values.rbac.secrets }}
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
{{- end }}
{{- if .Values.rbac.gateJobs }}
# The Job of a gate is made from a CronJob that allows it, and asked for by name until it has ended. None is listed.
- apiGroups: [batch]
  resources: [cronjobs]
  verbs: [get]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, create]
{{- end }}
# Listed only about a workload whose pods nobody creates: a StatefulSet says nowhere else that a quota is used up.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [list, create]
{{- end -}}

{{- define "modelrollout.collectorSelectorLabels" -}}
app.kubernetes.io/name: {{ include "modelrollout.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: collector
{{- end -}}

{{- define "modelrollout.collectorLabels" -}}
{{ include "modelrollout.collectorSelectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* What the collector does: it learns which workload serves which version, and what to read there. */}}
{{- define "modelrollout.collectorRules" -}}
- apiGroups: [modelrollout.io]
  resources: [modelrollouts]
  verbs: [list, watch]
{{- end -}}
