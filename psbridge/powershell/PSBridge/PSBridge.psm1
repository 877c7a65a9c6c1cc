# Starts Python inside PowerShell. Only commands of Microsoft.PowerShell.Core are used, for
# psbridge's own copy of the engine has no others when this is loaded.

param([string] $Python)

# Where `psbridge install-module` has noted the interpreter that it ran in.
$script:Imported = $false
$script:Noted = [IO.Path]::Combine($PSScriptRoot, 'interpreter.txt')

function Stop-WithError([string] $Id, [string] $Message) {
    $failure = [InvalidOperationException]::new($Message)
    throw [Management.Automation.ErrorRecord]::new($failure, $Id, 'ObjectNotFound', $null)
}

function Write-Failure([Parameter(Mandatory)] $Failure) { $PSCmdlet.WriteError($Failure) }

# The interpreters that come into question, the best first, and why.
function Get-Candidate([string] $Python) {
    if ($Python) { return @{ Path = $Python; Why = 'as was asked for'; Named = $true } }
    if ($env:PSBRIDGE_PYTHON) {
        return @{ Path = $env:PSBRIDGE_PYTHON; Why = 'from PSBRIDGE_PYTHON'; Named = $true }
    }
    if ([IO.File]::Exists($script:Noted)) {
        $path = [IO.File]::ReadAllText($script:Noted).Trim()
        @{ Path = $path; Why = 'that psbridge install-module ran in'; Named = $false }
    }
    # In <environment>/lib/python3.x/site-packages/psbridge/powershell/PSBridge
    $folder = $PSScriptRoot
    while ($folder -and [IO.Path]::GetFileName($folder) -notin 'site-packages', 'dist-packages') {
        $folder = [IO.Path]::GetDirectoryName($folder)
    }
    for ($up = 0; $folder -and $up -lt 3; $up++) {
        $folder = [IO.Path]::GetDirectoryName($folder)
        foreach ($place in 'bin/python3', 'python.exe', 'Scripts/python.exe') {
            $path = [IO.Path]::Combine($folder, $place)
            if ([IO.File]::Exists($path)) {
                @{ Path = $path; Why = 'of the environment of this module'; Named = $false }
            }
        }
    }
    foreach ($name in 'python3', 'python') {
        if ($found = Get-Command -Name $name -CommandType Application -ErrorAction Ignore) {
            @{ Path = @($found)[0].Source; Why = "$name on PATH"; Named = $false }
        }
    }
}

# How to load an interpreter, or what is wrong with it.
function Get-Interpreter([string] $Path) {
    $program = Get-Command -Name $Path -CommandType Application -ErrorAction Ignore
    if (-not $program) { return @{ problem = 'there is no such program' } }
    $question = [IO.Path]::Combine($PSScriptRoot, 'interpreter.py')
    # Not as a native command, which has its own ways with streams in the processes of Start-Job.
    $start = [Diagnostics.ProcessStartInfo]::new(@($program)[0].Source)
    $start.ArgumentList.Add($question)
    $start.RedirectStandardInput = $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    try {
        $process = [Diagnostics.Process]::Start($start)
        $process.StandardInput.Close()
        $complaints = $process.StandardError.ReadToEndAsync()
        $said = $process.StandardOutput.ReadToEnd().Trim()
        $complaints = $complaints.Result.Trim()
        $process.WaitForExit()
    } catch {
        return @{ problem = "it cannot be run: $($_.Exception.InnerException.Message)" }
    }
    if (-not $said.StartsWith('{')) {
        return @{ problem = "it did not answer: $("$said $complaints".Trim())" }
    }
    $answer = [Text.Json.JsonDocument]::Parse($said).RootElement
    $found = @{}
    foreach ($property in $answer.EnumerateObject()) {
        $found[$property.Name] = $property.Value.GetString()
    }
    $found
}

function Find-Interpreter([string] $Python) {
    $tried = @()
    foreach ($candidate in Get-Candidate $Python) {
        $found = Get-Interpreter $candidate.Path
        if (-not $found.problem) { return $found }
        $tried += "$($candidate.Path) ($($candidate.Why)): $($found.problem)"
        if ($candidate.Named) { break }
    }
    if (-not $tried) { $tried = @('there is no python3 on PATH') }
    Stop-WithError 'PythonNotFound' ((@('Python cannot be started.') + $tried + @(
        'Name an interpreter that psbridge is installed in: Start-PSBridge -Python PATH, or the ' +
        'environment variable PSBRIDGE_PYTHON.')) -join "`n  ")
}

# A type of pythonnet, where that is loaded. It is not looked for by its name alone: where Python
# has started .NET it is in a load context of its own, and a second copy would end the process.
function Get-PythonType([string] $Name) {
    foreach ($assembly in [AppDomain]::CurrentDomain.GetAssemblies()) {
        if ($assembly.GetName().Name -eq 'Python.Runtime') {
            return $assembly.GetType("Python.Runtime.$Name")
        }
    }
}

function Start-Python([string] $Python) {
    $found = Find-Interpreter $Python
    $null = [Reflection.Assembly]::LoadFrom($found.runtime)
    (Get-PythonType 'Runtime')::PythonDLL = $found.library
    $engine = Get-PythonType 'PythonEngine'
    $engine::ProgramName = $found.executable
    try {
        $engine::Initialize()
    } catch {
        Stop-WithError 'PythonNotStarted' (
            "Python of $($found.executable) did not start: $($_.Exception.InnerException.Message)")
    }
    $null = $engine::BeginAllowThreads()
}

# Run a statement in Python.
function Invoke-Python([string] $Code) {
    $gil = (Get-PythonType 'Py')::GIL()
    try { $null = (Get-PythonType 'PythonEngine')::Exec($Code) } finally { $gil.Dispose() }
}

<#
.SYNOPSIS
Starts Python inside this PowerShell.

.DESCRIPTION
Importing the module PSBridge does this already where it finds an interpreter that psbridge is
installed in. A process has one Python: once it runs, another one needs another PowerShell.

The interpreter is the one that is named, or that of the environment variable PSBRIDGE_PYTHON, or
the one in which psbridge install-module ran, or that of the environment in which this module
lies, or python3 on PATH.

.PARAMETER Python
The interpreter: the path of its program, or its name on PATH.

.EXAMPLE
PS> Start-PSBridge -Python ./venv/bin/python
#>
function Start-PSBridge {
    [CmdletBinding()]
    param([Parameter(Position = 0)] [string] $Python)

    if ($Python -match '[/\\]') {
        $Python = $PSCmdlet.GetUnresolvedProviderPathFromPSPath($Python)
    }
    # One at a time in the process, whichever runspaces they come from.
    $gate = [string]::Intern('PSBridge: starting Python')
    [Threading.Monitor]::Enter($gate)
    try {
        $engine = Get-PythonType 'PythonEngine'
        if (-not $engine -or -not $engine::IsInitialized) {
            Start-Python $Python
        } elseif ($Python) {
            $runs = $engine::ProgramName
            $asked = (Get-Interpreter $Python).executable
            if ($asked -ne $runs) {
                Stop-WithError 'PythonRunsAlready' (
                    "Python of $runs runs in this PowerShell already, and a process has one. " +
                    "Start another PowerShell for $Python.")
            }
        }
    } catch {
        $PSCmdlet.ThrowTerminatingError($_)
    } finally {
        [Threading.Monitor]::Exit($gate)
    }
    if (-not $script:Attached) {
        try {
            Invoke-Python 'import psbridge.powershell.hosting as hosting; hosting.attach()'
        } catch {
            $why = if ($_.Exception.InnerException) { $_.Exception.InnerException.Message } else { "$_" }
            $failure = [InvalidOperationException]::new("psbridge did not start: $why", $_.Exception)
            $PSCmdlet.ThrowTerminatingError([Management.Automation.ErrorRecord]::new(
                $failure, 'PSBridgeNotStarted', 'InvalidResult', $null))
        }
        # The cmdlets that reach other machines, whose assembly Python has loaded. Once this module
        # is imported it can export no more, and they go to the caller.
        $import = [scriptblock]::Create('
            $from = if ($args[0].Location) { @{ Name = $args[0].Location } } else { @{ Assembly = $args[0] } }
            Import-Module @from -Cmdlet *-WinRM*')
        foreach ($assembly in [AppDomain]::CurrentDomain.GetAssemblies()) {
            if ($assembly.GetName().Name -notlike 'PSBridge.Remote-*') { continue }
            if ($script:Imported) {
                $PSCmdlet.InvokeCommand.InvokeScript($PSCmdlet.SessionState, $import, $assembly)
            } else {
                . $import $assembly
            }
        }
        $script:Attached = $true
    }
}

<#
.SYNOPSIS
Imports the cmdlets that are written in a Python file or module.

.DESCRIPTION
Importing a file again after an edit takes the new text.

.PARAMETER Name
The path of a Python file, which may have wildcards, or the dotted name of a module of the
interpreter's environment.

.PARAMETER Python
The interpreter to start where none runs yet; see Start-PSBridge.

.PARAMETER PassThru
Gives the PowerShell module that holds the cmdlets.

.EXAMPLE
PS> Import-PythonModule ./word_count.py
PS> Get-WordCount *.md -AsJob | Wait-Job | Receive-Job
#>
function Import-PythonModule {
    [CmdletBinding()]
    param(
        [Parameter(Mandatory, Position = 0, ValueFromPipeline, ValueFromPipelineByPropertyName)]
        [Alias('FullName', 'Path')]
        [string[]] $Name,

        [string] $Python,

        [switch] $PassThru
    )

    begin {
        try { Start-PSBridge -Python $Python } catch { $PSCmdlet.ThrowTerminatingError($_) }
    }
    process {
        # Where the caller is: at a prompt that is everywhere, in a module it is that module.
        $PSCmdlet.InvokeCommand.InvokeScript(
            $PSCmdlet.SessionState,
            [scriptblock]::Create('param($Import, $Arguments) & $Import @Arguments'),
            @((Get-Command -Name Import-PythonCmdlet), @{ Name = $Name; PassThru = $PassThru }))
    }
}

try {
    Start-PSBridge -Python $Python
} catch {
    if ($Python) { throw }
    # Not the end of it: another interpreter can still be named.
    Write-Failure $_
}
Export-ModuleMember -Function Start-PSBridge, Import-PythonModule -Cmdlet *-WinRM*
$script:Imported = $true
